package sandbox_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"warungjokul/jokul/sandbox"
)

// reopen starts another sandbox on the state file of the first, which gives it up.
// Closing writes nothing: the file is as a killed process leaves it.
func reopen(t *testing.T, g *gateway, path string) *gateway {
	t.Helper()
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, func(c *sandbox.Config) { c.StateFile = path })
	again.clock.now = g.clock.Now()
	return again
}

func TestEverythingSurvivesARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sandbox.state")
	g := open(t, func(c *sandbox.Config) { c.StateFile = path })
	first := g.create(t, "request-1", orderFor("INV-1"))
	code := paymentCode(t, first)
	g.advance(t, 30*time.Minute)
	g.shop.answer(500)
	before := g.act(t, code, sandbox.ActionPay).Delivery
	unpaid := g.issue(t, "INV-2")
	g.faults(t, func(f *sandbox.Faults) { f.Answer, f.Times, f.Retry = sandbox.Answer500, 2, "verbatim" })
	want(t, "fault", g.status(t, "INV-1").status, 500)
	sent := g.shop.next(t)

	again := reopen(t, g, path)
	want(t, "times left", again.Faults().Times, 1)
	want(t, "retry", again.Faults().Retry, "verbatim")
	again.faults(t, func(*sandbox.Faults) {})
	m := again.create(t, "request-1", orderFor("INV-1"))
	want(t, "repeated", m.status, http.StatusConflict)
	want(t, "first answer", m.body, first.body)
	want(t, "duplicate", again.create(t, "request-9", orderFor("INV-1")).status, http.StatusBadRequest)
	want(t, "payment", at(t, again.status(t, "INV-1").body, "transaction.status"), "SUCCESS")
	after := again.Deliveries("INV-1")[0]
	want(t, "next attempt", *after.NextAttemptAt, *before.NextAttemptAt)
	want(t, "attempts", len(after.Attempts), 1)

	again.run(t)
	again.advance(t, 30*time.Minute)
	resent := again.shop.next(t) // at the address configured now
	want(t, "same Request-Id", resent.header.Get("Request-Id"), sent.header.Get("Request-Id"))
	want(t, "same body", string(resent.body), string(sent.body))
	if resent.err != nil {
		t.Errorf("retry after the restart: %v", resent.err)
	}
	paid := again.act(t, unpaid, sandbox.ActionPay)
	if strings.HasPrefix(paid.Payments[0].TransactionID, "IDM000000001") || paid.Delivery.ID == before.ID {
		t.Errorf("numbers start over: %+v", paid)
	}
}

// State files of earlier versions held each answer beside its code.
func TestAnOldStateFile(t *testing.T) {
	old, err := os.ReadFile("testdata/answers-apart.state")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "sandbox.state")
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	const first = `{"order":{"invoice_number":"INV-1"},"online_to_offline_info":{"payment_code":"8888888861593342",` +
		`"how_to_pay_page":"http://gateway.example/indomaret-online-to-offline/v2/how-to-pay-page/8888888861593342/E2i40Hg0YHk7bWTDmLdEQ8-P4_M9HTPZG9qK93Gd_yg",` +
		`"how_to_pay_api":"http://gateway.example/indomaret-online-to-offline/v2/how-to-pay-api/8888888861593342/E2i40Hg0YHk7bWTDmLdEQ8-P4_M9HTPZG9qK93Gd_yg",` +
		`"created_date":"20261124103015","created_date_utc":"2026-11-24T03:30:15Z","expired_date":"20261124113015","expired_date_utc":"2026-11-24T04:30:15Z"}}`
	for range 2 { // the second time it is as this version writes it
		g := open(t, func(c *sandbox.Config) { c.StateFile = path })
		again := g.create(t, "request-1", orderFor("INV-1"))
		want(t, "repeated", again.status, http.StatusConflict)
		want(t, "first answer", again.body, first)
		want(t, "of other data", at(t, g.create(t, "request-1", orderFor("INV-2")).body, "error.message"), "different request data")
		g.Close()
	}
}

func TestATornLastLineIsDropped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sandbox.state")
	g := open(t, func(c *sandbox.Config) { c.StateFile = path })
	g.issue(t, "INV-1")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	g.issue(t, "INV-2")
	more, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	g.Close()
	for cut := len(whole); cut < len(more); cut++ {
		if err := os.WriteFile(path, more[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := sandbox.Open(sandbox.Config{ClientID: clientID, SecretKey: secretKey, StateFile: path})
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		s.Close()
	}
	again := open(t, func(c *sandbox.Config) { c.StateFile = path })
	want(t, "whole line", again.status(t, "INV-1").status, http.StatusOK)
	want(t, "torn line", again.status(t, "INV-2").status, http.StatusNotFound)
	again.issue(t, "INV-3")
	third := reopen(t, again, path)
	want(t, "written after the torn line", third.status(t, "INV-3").status, http.StatusOK)
}

// No two payments have one transaction id: neither two of one code, nor before and
// after a restart, nor before and after a state file was deleted.
func TestTransactionIDsNeverRepeat(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sandbox.state")
	g := open(t, func(c *sandbox.Config) { c.StateFile = path })
	seen := map[string]bool{}
	pay := func(invoice string, action sandbox.Action) {
		for _, p := range g.act(t, g.issue(t, invoice), action).Payments {
			if seen[p.TransactionID] || p.TransactionID == "" {
				t.Errorf("%s: the id %q comes again", invoice, p.TransactionID)
			}
			seen[p.TransactionID] = true
			told := g.shop.next(t)
			want(t, "told", strings.Contains(string(told.body), `{"name":"AGENT_TRX_ID","value":"`+p.TransactionID+`"}`), true)
		}
	}
	for _, invoice := range []string{"INV-1", "INV-2", "INV-3"} {
		pay(invoice, sandbox.ActionPay)
		pay(invoice+"-TWICE", sandbox.ActionPayTwice)
		pay(invoice+"-LATE", sandbox.ActionPayLate)
		g = reopen(t, g, path)
	}
	g.Close()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	g = open(t, func(c *sandbox.Config) { c.StateFile = path })
	pay("INV-1", sandbox.ActionPayTwice)
	want(t, "payments", len(seen), 3*4+2)
}

// A state file is one sandbox's at a time, by whatever name it is given. The one
// that is refused changes nothing; what the first takes meanwhile is kept.
func TestAStateFileInUse(t *testing.T) {
	dir := t.TempDir()
	path, link := filepath.Join(dir, "sandbox.state"), filepath.Join(t.TempDir(), "link.state")
	g := open(t, func(c *sandbox.Config) { c.StateFile = path })
	code := g.issue(t, "INV-1")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, link, filepath.Join(dir, "..", filepath.Base(dir), "sandbox.state")} {
		_, err := sandbox.Open(sandbox.Config{ClientID: clientID, SecretKey: secretKey, StateFile: name})
		if err == nil || !strings.Contains(err.Error(), "state file "+path+" is in use") || strings.Contains(err.Error(), "\n") {
			t.Errorf("opened as %s: got error %v, want one sentence that names the file", name, err)
		}
	}
	g.act(t, code, sandbox.ActionPay)
	again := reopen(t, g, link)
	want(t, "the payment", at(t, again.status(t, "INV-1").body, "transaction.status"), "SUCCESS")
	third := reopen(t, again, path)
	want(t, "the payment, by the file's own name", at(t, third.status(t, "INV-1").body, "transaction.status"), "SUCCESS")
}

// A file that cannot be read is not kept from whoever mends it.
func TestADamagedStateFileIsNotLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sandbox.state")
	if err := os.WriteFile(path, []byte("dear diary\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := sandbox.Config{ClientID: clientID, SecretKey: secretKey, StateFile: path}
	if _, err := sandbox.Open(cfg); err == nil {
		t.Fatal("opened a file that is not a state file")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s, err := sandbox.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

// Who cuts the file of a running sandbox is told so, by it and in its log.
func TestAStateFileThatIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sandbox.state")
	log := &strings.Builder{}
	g := open(t, func(c *sandbox.Config) { c.StateFile, c.Log = path, textLog(log) })
	m := g.create(t, "request-1", orderFor("INV-1"))
	code := paymentCode(t, m)
	if err := os.Truncate(path, 10); err != nil {
		t.Fatal(err)
	}
	want(t, "status", g.status(t, "INV-1").status, http.StatusInternalServerError)
	want(t, "repeated", g.create(t, "request-1", orderFor("INV-1")).status, http.StatusInternalServerError)
	for _, page := range []string{"/simulator", "/simulator?payment_code=" + code, "/control/payments"} {
		want(t, page, get(t, g.http.URL+page).status, http.StatusInternalServerError)
	}
	want(t, "how to pay", get(t, at(t, m.body, "online_to_offline_info.how_to_pay_api")).status, http.StatusInternalServerError)
	if _, err := g.Pay(t.Context(), code); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("paid, %v", err)
	}
	want(t, "another", g.create(t, "request-2", orderFor("INV-2")).status, http.StatusInternalServerError)
	if left, _ := os.Stat(path); left.Size() != 10 {
		t.Errorf("%d bytes are in the file now", left.Size())
	}
	g.http.Close()
	if !strings.Contains(log.String(), path) {
		t.Errorf("the log does not say why: %s", log)
	}
}

func TestADamagedStateFile(t *testing.T) {
	for name, text := range map[string]string{
		"not a state file": "dear diary\n",
		"line 2":           `{"warungjokul_sandbox_state":1}` + "\n{\"code\":\n{}\n",
		"line 3":           `{"warungjokul_sandbox_state":1}` + "\n{}\n{\"cod\":1}\n",
	} {
		path := filepath.Join(t.TempDir(), "sandbox.state")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := sandbox.Open(sandbox.Config{ClientID: clientID, SecretKey: secretKey, StateFile: path})
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got error %v, want one about %s", err, name)
		}
		if left, _ := os.ReadFile(path); string(left) != text {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func TestOpeningCompacts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sandbox.state")
	g := open(t, func(c *sandbox.Config) { c.StateFile = path })
	for range 50 {
		g.advance(t, time.Second)
	}
	long, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	reopen(t, g, path)
	short, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if short.Size() >= long.Size() {
		t.Errorf("%d bytes before, %d after", long.Size(), short.Size())
	}
	want(t, "mode", short.Mode().Perm(), os.FileMode(0o600))
}

func TestNoSecretsAreKeptOrLogged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sandbox.state")
	log := &strings.Builder{}
	g := open(t, func(c *sandbox.Config) { c.StateFile, c.Log = path, textLog(log) })
	m := g.create(t, "request", orderFor("INV-1"))
	g.act(t, paymentCode(t, m), sandbox.ActionPay)
	n := g.shop.next(t)
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	control := get(t, g.http.URL+"/control/requests").body + get(t, g.http.URL+"/control/deliveries").body
	g.http.Close()
	for name, text := range map[string]string{"state file": string(kept), "log": log.String(), "control": control} {
		for _, secret := range []string{secretKey, m.header.Get("Signature"), n.header.Get("Signature")} {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds %s", name, secret)
			}
		}
	}
	if strings.Contains(log.String(), "Taufik") || strings.Contains(log.String(), "taufik@doku.com") {
		t.Errorf("the log holds the customer: %s", log)
	}
}

// A state file with two names is refused by either: each name has a lock of its own.
func TestAStateFileWithTwoNames(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sandbox.state")
	g := open(t, func(c *sandbox.Config) { c.StateFile = path })
	other := path + ".too"
	if err := os.Link(path, other); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, other} {
		second, err := sandbox.Open(sandbox.Config{ClientID: "MCH-1", SecretKey: "SK-1", StateFile: name})
		if err == nil {
			_ = second.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "2 names") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A sandbox whose lock file was removed, or replaced, changes nothing any more: another
// may have the state file.
func TestALockFileThatIsGone(t *testing.T) {
	for name, replaced := range map[string]bool{"removed": false, "replaced": true} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "sandbox.state")
			g := open(t, func(c *sandbox.Config) { c.StateFile = path })
			g.issue(t, "INV-1")
			if err := os.Remove(path + ".lock"); err != nil {
				t.Fatal(err)
			}
			if replaced {
				if err := os.WriteFile(path+".lock", nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want(t, "create", g.create(t, "request-2", orderFor("INV-2")).status, http.StatusInternalServerError)
			after, err := os.ReadFile(path)
			if err != nil || string(after) != string(before) {
				t.Errorf("the state file was written to, %v", err)
			}
			second := open(t, func(c *sandbox.Config) { c.StateFile = path })
			second.issue(t, "INV-2")
		})
	}
}
