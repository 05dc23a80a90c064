package jokul_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"warungjokul/jokul"
)

// An answer is read up to a size, headers included; one past it says nothing, and the outcome of the call is unknown.
func TestAnswersAreBounded(t *testing.T) {
	const bodyLimit, headerLimit = 1 << 20, 64 << 10
	steps := `{"payment_instruction":[{"channel":"Indomaret","language":"ID","step":["Bayar"]}],"x":"`
	fill := func(n int) string { return steps + strings.Repeat("x", n-len(steps)-2) + `"}` }
	for name, tc := range map[string]struct {
		body, header string
		read         bool
	}{
		"largest body":        {fill(bodyLimit), "", true},
		"a byte more":         {fill(bodyLimit + 1), "", false},
		"many times as large": {fill(8 * bodyLimit), "", false},
		"large headers":       {fill(1000), strings.Repeat("h", headerLimit/2), true},
		"too large headers":   {fill(1000), strings.Repeat("h", 2*headerLimit), false},
	} {
		gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if tc.header != "" {
				w.Header().Set("X-Large", tc.header)
			}
			_, _ = w.Write([]byte(tc.body))
		}))
		client := newClient(t, jokul.WithBaseURL(gateway.URL), jokul.WithRetries(0))
		list, err := client.HowToPay(t.Context(), gateway.URL+"/how-to-pay")
		if read := err == nil && len(list) == 1; read != tc.read {
			t.Errorf("%s: read %v, %v", name, read, err)
		}
		if err != nil && outcomeOf(err) != jokul.OutcomeUnknown {
			t.Errorf("%s: %v", name, err)
		}
		gateway.Close()
	}
}
