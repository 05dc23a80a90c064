package static_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"warungjokul/static"
)

func get(t *testing.T, address string, header map[string]string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, address, nil)
	for name, value := range header {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	static.ServeHTTP(w, r)
	res := w.Result()
	body := io.Reader(res.Body)
	if res.StatusCode == http.StatusOK && res.Header.Get("Content-Encoding") == "gzip" {
		var err error
		if body, err = gzip.NewReader(res.Body); err != nil {
			t.Fatal(err)
		}
	}
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(text)
}

func TestAssets(t *testing.T) {
	style := static.URL("app.css")
	plain, text := get(t, style, nil)
	small, same := get(t, style, map[string]string{"Accept-Encoding": "gzip, br"})
	if plain.StatusCode != 200 || plain.Header.Get("Content-Encoding") != "" || small.Header.Get("Content-Encoding") != "gzip" || text == "" || same != text {
		t.Fatalf("plain %v, compressed %v, the same: %v", plain.Header, small.Header, same == text)
	}
	for _, res := range []*http.Response{plain, small} {
		if res.Header.Get("Content-Type") != "text/css; charset=utf-8" || res.Header.Get("Vary") != "Accept-Encoding" ||
			res.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("header %v", res.Header)
		}
	}
	if plain.Header.Get("ETag") == small.Header.Get("ETag") {
		t.Error("other bytes have the same tag")
	}
	again, body := get(t, style, map[string]string{"Accept-Encoding": "gzip", "If-None-Match": small.Header.Get("ETag")})
	if again.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("asked again: HTTP %d, %d bytes", again.StatusCode, len(body))
	}
	other, _ := get(t, style, map[string]string{"If-None-Match": small.Header.Get("ETag")})
	if other.StatusCode != http.StatusOK {
		t.Errorf("asked with the tag of other bytes: HTTP %d", other.StatusCode)
	}
	part, body := get(t, style, map[string]string{"Range": "bytes=0-9"})
	if part.StatusCode != http.StatusPartialContent || body != text[:10] {
		t.Errorf("ten bytes: HTTP %d, %q", part.StatusCode, body)
	}
	old, _ := get(t, "/static/app.css?v=old", nil)
	if got := old.Header.Get("Cache-Control"); got != "no-cache" {
		t.Errorf("at an old address: Cache-Control %q", got)
	}
	for _, address := range []string{"/static/", "/static/drawings", "/static/drawings/", "/static/static.go", "/static/../static.go"} {
		if res, _ := get(t, address, nil); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: HTTP %d", address, res.StatusCode)
		}
	}
}
