package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestProxies(t *testing.T) {
	for list, want := range map[string]int{"": 0, " , ": 0, "127.0.0.1": 1, "127.0.0.1, ::1,10.0.0.0/8": 3, "fd00::/8": 1, "10.1.2.3/8": 1} {
		if got, err := ParseProxies(list); err != nil || len(got) != want {
			t.Errorf("%q: %v, %v", list, got, err)
		}
	}
	for _, list := range []string{"localhost", "127.0.0.1:80", "10.0.0.0/33", "10.0.0", "0.0.0.0/0", "::/0", "127.0.0.1 10.0.0.1", "any", "::ffff:0.0.0.0/96", "0.0.0.0/1,128.0.0.0/1"} {
		if got, err := ParseProxies(list); err == nil {
			t.Errorf("%q is taken for %v", list, got)
		}
	}
	proxies, err := ParseProxies("127.0.0.1, 10.1.2.3/8, fd00::/8")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ peer, forwarded, real, want string }{
		"a stranger":                              {"203.0.113.9:1", "", "", "203.0.113.9"},
		"a stranger who claims":                   {"203.0.113.9:1", "198.51.100.1", "", "203.0.113.9"},
		"on a private network, not ours":          {"192.168.0.9:1", "198.51.100.1", "", "192.168.0.9"},
		"on this machine, not ours":               {"127.0.0.2:1", "198.51.100.1", "", "127.0.0.2"},
		"our proxy":                               {"127.0.0.1:1", "198.51.100.1", "", "198.51.100.1"},
		"our proxy, as IPv6 writes it":            {"[::ffff:127.0.0.1]:1", "198.51.100.1", "", "198.51.100.1"},
		"our proxy says who it is in other words": {"127.0.0.1:1", "", "198.51.100.1", "198.51.100.1"},
		"our proxy says so twice":                 {"127.0.0.1:1", "198.51.100.1", "198.51.100.1", "198.51.100.1"},
		"one of two headers is the visitor's":     {"127.0.0.1:1", "198.51.100.1", "198.51.100.2", "127.0.0.1"},
		"a list of the visitor's, ours appended":  {"127.0.0.1:1", "198.51.100.1, 203.0.113.9", "198.51.100.1", "127.0.0.1"},
		"the visitor guesses our other proxy":     {"127.0.0.1:1", "198.51.100.1, 10.9.9.9", "203.0.113.9", "127.0.0.1"},
		"each proxy names the peer it had":        {"127.0.0.1:1", "198.51.100.1, 10.9.9.9", "10.9.9.9", "198.51.100.1"},
		"both, in other words":                    {"127.0.0.1:1", "::ffff:198.51.100.1", "198.51.100.1", "198.51.100.1"},
		"the visitor's is no address":             {"127.0.0.1:1", "you", "198.51.100.1", "127.0.0.1"},
		"the visitor's is no address either":      {"127.0.0.1:1", "198.51.100.1", "you", "127.0.0.1"},
		"the visitor's is empty":                  {"127.0.0.1:1", " , ", "198.51.100.1", "198.51.100.1"},
		"the visitor's are many":                  {"127.0.0.1:1", "198.51.100.2", "198.51.100.1,198.51.100.2", "127.0.0.1"},
		"nothing but ours":                        {"127.0.0.1:1", "10.1.1.1, 10.9.9.9", "", "10.1.1.1"},
		"our proxy says what is no address":       {"127.0.0.1:1", "", "you", "127.0.0.1"},
		"a stranger claims to be somebody else":   {"203.0.113.9:1", "", "198.51.100.1", "203.0.113.9"},
		"our proxy says nothing":                  {"127.0.0.1:1", "", "", "127.0.0.1"},
		"two of ours":                             {"[fd00::1]:1", "198.51.100.1, 10.9.9.9", "", "198.51.100.1"},
		"what the client sent stands before":      {"127.0.0.1:1", "192.0.2.1, 198.51.100.1", "", "198.51.100.1"},
		"ours, and then one that is not ours":     {"127.0.0.1:1", "198.51.100.1, 192.168.0.9", "", "192.168.0.9"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = tt.peer
		if tt.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tt.forwarded)
		}
		if tt.real != "" {
			r.Header.Set("X-Real-IP", tt.real)
		}
		if got := proxies.ClientAddress()(r); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}
