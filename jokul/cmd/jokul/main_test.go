package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
)

const (
	clientID = "MCH-0000-00000000000001"
	key      = "SK-a-secret-nobody-may-see"
)

// jokulCommand runs the command with credentials in the environment; no output of it
// may ever hold the key.
func jokulCommand(t *testing.T, stdin string, args ...string) (status int, out, complaint string) {
	t.Helper()
	t.Setenv("JOKUL_CLIENT_ID", clientID)
	t.Setenv("JOKUL_SECRET_KEY", key)
	var stdout, stderr bytes.Buffer
	status = run(t.Context(), args, strings.NewReader(stdin), &stdout, &stderr)
	if strings.Contains(stdout.String()+stderr.String(), key) {
		t.Errorf("%v prints the key", args)
	}
	return status, stdout.String(), stderr.String()
}

func holds(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("lacks %q:\n%s", part, text)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{{}, {"help"}, {"-h"}} {
		status, out, _ := jokulCommand(t, "", args...)
		if status != 0 {
			t.Errorf("%v ends with %d", args, status)
		}
		holds(t, out, "jokul sandbox", "jokul sign", "jokul verify", "jokul notify", "jokul conform")
	}
	for _, c := range commands() {
		_, first, _ := jokulCommand(t, "", "help", c.name)
		status, second, _ := jokulCommand(t, "", c.name, "-h")
		if status != 0 || first != second {
			t.Errorf("jokul help %s and jokul %s -h differ, or end with %d", c.name, c.name, status)
		}
		holds(t, first, "jokul "+c.name+" ", "Flags:", "-client-id", "-secret")
	}
}

// A wrong use ends with 2 and a sentence that names what is wrong.
func TestUsage(t *testing.T) {
	t.Setenv("JOKUL_CLIENT_ID", "")
	for want, args := range map[string][]string{
		`no command "pay"`:     {"pay"},
		"--path is required":   {"sign"},
		"must begin with /":    {"sign", "--path", "x"},
		"--body":               {"sign", "--path", "/x", "--body", "/nowhere"},
		"not defined: -colour": {"sign", "--colour", "red"},
		`"more" is not`:        {"verify", "more"},
		"--url":                {"notify", "--url", "x", "--invoice", "1", "--code", "1"},
		"--orders is required": {"conform", "--url", "http://127.0.0.1:1/"},
		"--addr":               {"sandbox", "--addr", "nowhere"},
		"'Name: value'":        {"verify", "--header", "x"},
	} {
		status, _, complaint := jokulCommand(t, "", args...)
		if status != 2 || !strings.Contains(complaint, want) {
			t.Errorf("%v: %d, %q; want 2 and %q", args, status, complaint, want)
		}
	}
}

func TestSignAndVerify(t *testing.T) {
	body := `{"order":{"invoice_number":"INV-1","amount":90000}}`
	status, out, _ := jokulCommand(t, body, "sign", "--path", "/a", "--body", "-", "--request-id", "r-1", "--timestamp", "2026-01-01T09:00:00Z")
	holds(t, out, "51 bytes", jokul.Digest([]byte(body)), `1  "Client-Id:`+clientID+`"`, `4  "Request-Target:/a"`, "curl -X POST")
	signature := regexp.MustCompile(`HMACSHA256=\S{44}`).FindString(out)
	want := jokul.Sign(key, jokul.Component{ClientID: clientID, RequestID: "r-1", Timestamp: "2026-01-01T09:00:00Z", Target: "/a", Digest: jokul.Digest([]byte(body))})
	if status != 0 || signature != want {
		t.Fatalf("signs %s, want %s", signature, want)
	}
	if status, alone, _ := jokulCommand(t, body, "sign", "--quiet", "--path", "/a", "--body", "-", "--request-id", "r-1", "--timestamp", "2026-01-01T09:00:00Z"); status != 0 || alone != want+"\n" {
		t.Errorf("quietly: %d, %q", status, alone)
	}
	headers := []string{"--header", "client-id: " + clientID, "--header", "Request-Id: r-1", "--header", "Request-Timestamp: 2026-01-01T09:00:00Z"}
	verify := func(stdin, path, signature string, more ...string) (int, string) {
		status, out, _ := jokulCommand(t, stdin, append(append([]string{"verify", "--path", path, "--body", "-", "--header", "Signature: " + signature}, headers...), more...)...)
		return status, out
	}
	if status, out := verify(body, "/a", signature); status != 0 || !strings.Contains(out, "The signature fits.") {
		t.Errorf("%d, %s", status, out)
	}
	for want, tc := range map[string]struct{ body, path, signature string }{
		"with a line feed at its end": {strings.TrimSpace(body), "/a", jokul.Sign(key, jokul.Component{ClientID: clientID, RequestID: "r-1", Timestamp: "2026-01-01T09:00:00Z", Target: "/a", Digest: jokul.Digest([]byte(body + "\n"))})},
		"with a slash less":           {body, "/a/", signature},
		"another Secret Key":          {body, "/a", "HMACSHA256=" + strings.Repeat("A", 43) + "="},
	} {
		status, out := verify(tc.body, tc.path, tc.signature)
		if status != 1 || !strings.Contains(out, want) || !strings.Contains(out, "does not verify") {
			t.Errorf("%d, want 1 and %q: %s", status, want, out)
		}
		if strings.Contains(out, signature) {
			t.Error("the right signature is shown")
		}
	}
	if status, out := verify(body, "/a", ""); status != 1 || !strings.Contains(out, "Signature is missing") {
		t.Errorf("%d, %s", status, out)
	}
	if status, out := verify(body, "/a", signature, "--client-id", "MCH-2"); status != 1 || !strings.Contains(out, "not ours") {
		t.Errorf("another merchant's: %d, %s", status, out)
	}
}

// Every vector verifies through the command, headers from a file.
func TestVerifyVectors(t *testing.T) {
	raw, err := os.ReadFile("../../testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors struct {
		Core []struct {
			ID, Kind, Method, Secret string
			Headers                  map[string]string
			Target                   string `json:"request_target"`
			Body                     []byte `json:"body_base64"`
		}
	}
	if err := json.Unmarshal(raw, &vectors); err != nil || len(vectors.Core) < 4 {
		t.Fatalf("%d vectors, %v", len(vectors.Core), err)
	}
	for _, v := range vectors.Core {
		file := filepath.Join(t.TempDir(), "headers")
		text := "HTTP/1.1 200 OK\n"
		for name, value := range v.Headers {
			text += name + ": " + value + "\r\n"
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args := []string{"verify", "--client-id", v.Headers["Client-Id"], "--secret", v.Secret, "--path", v.Target, "--headers", file}
		if v.Method == http.MethodGet {
			args = append(args, "--method", "GET")
		} else {
			args = append(args, "--body", "-")
		}
		if v.Kind == "response" {
			args = append(args, "--response")
		}
		if status, out, complaint := jokulCommand(t, string(v.Body), args...); status != 0 {
			t.Errorf("%s: %d %s%s", v.ID, status, out, complaint)
		}
	}
}

func TestNotify(t *testing.T) {
	client, err := jokul.New(clientID, key)
	if err != nil {
		t.Fatal(err)
	}
	var got jokul.Notification
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var err error
		if got, err = client.ParseNotification("/hear", r.Header, body); err != nil || got.InvoiceNumber == "INV-NO" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer shop.Close()
	status, out, _ := jokulCommand(t, "", "notify", "--url", shop.URL+"/hear", "--invoice", "INV-1", "--amount", "90000", "--code", "88")
	if status != 0 || got.InvoiceNumber != "INV-1" || got.Amount != 90_000 || got.PaymentCode != "88" || got.Status != jokul.TransactionSuccess {
		t.Errorf("%d, the shop heard %+v: %s", status, got, out)
	}
	holds(t, out, "acknowledged")
	status, out, _ = jokulCommand(t, `{"order":{"invoice_number":"INV-NO"},"transaction":{"status":"PENDING"}}`, "notify", "--url", shop.URL+"/hear", "--body", "-")
	if status != 1 {
		t.Errorf("a 500 ends with %d", status)
	}
	holds(t, out, "500", "not acknowledged", "30 minutes")
	shop.Close()
	if status, out, _ = jokulCommand(t, "", "notify", "--url", shop.URL+"/hear", "--invoice", "INV-1", "--code", "88"); status != 1 {
		t.Errorf("nobody there ends with %d: %s", status, out)
	}
}

// The stand-alone gateway serves a merchant, and ends when it is told to.
func TestSandbox(t *testing.T) {
	t.Setenv("JOKUL_CLIENT_ID", "")
	t.Setenv("JOKUL_SECRET_KEY", "")
	ctx, stop := context.WithCancel(t.Context())
	out, in := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"sandbox", "--addr", "127.0.0.1:0", "--state", filepath.Join(t.TempDir(), "state")}, nil, in, io.Discard)
	}()
	intro := make([]byte, 4<<10)
	n, err := out.Read(intro)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	holds(t, string(intro[:n]), sandbox.StandaloneClientID, sandbox.StandaloneSecretKey, "/simulator", "/control/payments")
	base := regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(string(intro[:n]))
	client, err := jokul.New(sandbox.StandaloneClientID, sandbox.StandaloneSecretKey, jokul.WithBaseURL(base))
	if err != nil {
		t.Fatal(err)
	}
	prepared, err := client.Prepare(jokul.PaymentCodeRequest{InvoiceNumber: "INV-1", Amount: 90_000, CustomerName: "Budi", Description: "Kopi"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.GeneratePaymentCode(ctx, prepared); err != nil {
		t.Error(err)
	}
	stop()
	if status := <-ended; status != 0 {
		t.Errorf("ends with %d", status)
	}
}
