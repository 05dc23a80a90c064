package sandbox_test

import (
	"fmt"
	"os"
	"testing"
	"time"
	"net/http"
	"net/http/httptest"

	"warungjokul/jokul/sandbox"
)

func TestZZDemo(t *testing.T) {
	if os.Getenv("DEMO") == "" { t.Skip() }
	g := open(t, func(c *sandbox.Config) { c.Now = time.Now; c.MerchantName = "Warung Jokul" })
	g.clock.now = time.Now()
	for i := range 4 { g.issue(t, fmt.Sprintf("WJ-2026112%d-1", i)) }
	m := g.create(t, "r-htp", orderFor("WJ-99-1"))
	fmt.Println(m.body, g.http.URL)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(g.ServeHTTP))
	srv.Start()
	os.WriteFile("/tmp/sb/addr", []byte(g.http.URL+" "+at(t, m.body, "online_to_offline_info.payment_code")+" "+at(t, m.body, "online_to_offline_info.how_to_pay_page")), 0o600)
	for { if _, err := os.Stat("/tmp/sb/stop"); err == nil { return }; time.Sleep(time.Second) }
}
