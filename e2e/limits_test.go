package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"warungjokul/e2e/servers"
)

// visitFrom is a browser at an address of its own.
func visitFrom(t *testing.T, p *program, address string) visitor {
	t.Helper()
	v := visit(t, p)
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: patience}
	transport := &http.Transport{DialContext: dialer.DialContext}
	t.Cleanup(transport.CloseIdleConnections)
	v.Transport = transport
	return v
}

// tryOrder fills a cart and places an order with somebody's details.
func (v visitor) tryOrder(sku, name, email, phone string) *http.Response {
	v.t.Helper()
	v.fill(sku, "1")
	form := v.customer()
	form.Set("name", name)
	form.Set("email", email)
	form.Set("phone", phone)
	return v.post("/checkout", form)
}

// One visitor sends 38 checkouts, behind a real nginx, and asks for mails to somebody else. It gets half of a scarce
// product at most, and that person ten mails at most. Everybody else orders and pays as before.
func TestFloodOfCheckouts(t *testing.T) {
	server, taken := mailServer(t)
	p := newPair(t, "", "SMTP_URL=smtp://"+server, "MAIL_FROM=Warung Jokul <toko@example.com>", "TRUSTED_PROXIES=127.0.0.1")
	front := fixedPort(t)
	nginx, err := servers.StartNginx(t.TempDir(), "../docs/operate.md", front, []string{strings.TrimPrefix(p.shop.base, "http://")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nginx.Stop)
	behind := &program{shop: "http://" + front, sandbox: p.gateway.base}

	var last string
	placed, refused := 0, 0
	for i := range 38 {
		v := visitFrom(t, behind, "127.0.0.2")
		res := v.tryOrder("KRJ-PANDAN", "Bot", fmt.Sprintf("bot%d@example.com", i), fmt.Sprintf("0813%08d", i))
		switch res.StatusCode {
		case http.StatusSeeOther:
			placed, last = placed+1, res.Header.Get("Location")
		case http.StatusTooManyRequests:
			refused++
		default:
			t.Fatalf("checkout %d: %s", i, res.Status)
		}
	}
	if placed != 9 || refused != 29 {
		t.Errorf("one visitor holds %d of 18 pieces, and was refused %d times", placed, refused)
	}

	// Somebody else's email, from a third address: eight orders, and the button for the mail.
	stranger := visitFrom(t, behind, "127.0.0.4")
	for i := range 8 {
		res := visitFrom(t, behind, "127.0.0.4").tryOrder("MKN-KERUPUK", "Budi", "victim@example.com", fmt.Sprintf("0814%08d", i))
		if res.StatusCode != http.StatusSeeOther {
			t.Fatalf("order %d in somebody's name: %s", i, res.Status)
		}
		stranger.await(res.Header.Get("Location"), "a code", hasCode)
	}
	res := stranger.tryOrder("MKN-KERUPUK", "Menang di www.evil.example", "victim@example.com", "081400000099")
	if res.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a name with an address: %s", res.Status)
	}

	honest := visitFrom(t, behind, "127.0.0.3")
	res = honest.tryOrder("KRJ-PANDAN", "Siti", "victim@example.com", "081298765432")
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("an honest shopper: %s", res.Status)
	}
	order := res.Header.Get("Location")
	act(t, p.program(), honest.await(order, "a code", hasCode).PaymentCode, "pay")
	honest.await(order, "paid", func(s status) bool { return s.OrderStatus == "paid" })

	db := p.sql(t)
	for deadline := time.Now().Add(patience); number(t, db, "SELECT COUNT(*) FROM mails WHERE sent_at IS NULL AND kind <> 'reminder'") > 0; pause(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("mails are left")
		}
	}
	toVictim, aboutMoney := 0, 0
	for len(taken) > 0 {
		if mail := receive(t, taken); strings.Contains(mail.to, "victim@example.com") {
			toVictim++
			if strings.Contains(mail.subject, "is paid") {
				aboutMoney++
			}
		}
	}
	if toVictim > 11 || aboutMoney != 1 {
		t.Errorf("%d mails went to one person, %d of them about their payment", toVictim, aboutMoney)
	}

	// A restart forgets nothing.
	p.shop.kill()
	if err := p.shop.start(); err != nil {
		t.Fatal(err)
	}
	again := visitFrom(t, behind, "127.0.0.2").tryOrder("KRJ-PANDAN", "Bot", "bot@example.com", "081300000099")
	if again.StatusCode != http.StatusTooManyRequests {
		t.Errorf("the same visitor after a restart: %s", again.Status)
	}
	if s := stranger.status(last); s.OrderStatus != "awaiting_payment" {
		t.Errorf("an order that was placed is %s", s.OrderStatus)
	}
}

// Without limits a load test places as many as it likes.
func TestNoLimitsForLoadTests(t *testing.T) {
	p := newPair(t, "", "RATE_LIMIT=off")
	v := visit(t, p.program())
	for range 25 {
		if res := v.tryOrder("MKN-KERUPUK", "Budi", "budi@example.com", "081234567890"); res.StatusCode != http.StatusSeeOther {
			t.Fatal(res.Status)
		}
	}
	if res := v.post("/find-order", url.Values{"order_number": {"x"}, "email": {"y"}}); res.StatusCode != http.StatusNotFound {
		t.Error(res.Status)
	}
}
