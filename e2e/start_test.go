package e2e_test

import (
	"encoding/pem"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
)

// secured is an address with https in front of one without, as a proxy is.
type secured struct {
	*httptest.Server
	trusted string // the file of its certificate
}

func overTLS(t *testing.T, address string) secured {
	t.Helper()
	target, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	s := secured{httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(target)), filepath.Join(t.TempDir(), "trusted.pem")}
	t.Cleanup(s.Close)
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(s.trusted, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// alone are the settings of a shop beside others on this machine.
func alone(more ...string) []string {
	return append([]string{"ADDR=127.0.0.1:0", "SANDBOX_ADDR=127.0.0.1:0"}, more...)
}

// entries are the names in a folder.
func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range list {
		names = append(names, entry.Name())
	}
	return names
}

// The start never guesses: settings that do not fit together, or are misspelt, are one sentence, exit 1, and nothing is
// written. Subcommands refuse them, too.
func TestStartsThatAreRefused(t *testing.T) {
	real := []string{"JOKUL_ENVIRONMENT=production", "JOKUL_CLIENT_ID=MCH-1", "JOKUL_SECRET_KEY=SK-1", "BASE_URL=https://shop.example.com"}
	for _, tt := range []struct {
		says    string
		environ []string
	}{
		{"JOKUL_SECRET_KEY is set, but JOKUL_ENVIRONMENT is embedded", []string{"JOKUL_CLIENT_ID=MCH-1", "JOKUL_SECRET_KEY=SK-1"}},
		{"JOKUL_ENVIROMENT is no setting; did you mean JOKUL_ENVIRONMENT?", append(real[1:], "JOKUL_ENVIROMENT=production")},
		{"JOKUL_ENVIRONMENT is set and empty", []string{"JOKUL_ENVIRONMENT="}},
		{"JKUL_ENVIRONMENT is no setting; did you mean JOKUL_ENVIRONMENT?", []string{"JKUL_ENVIRONMENT=production"}},
		{"DOKU_SECRET_KEY is no setting; did you mean JOKUL_SECRET_KEY?", []string{"DOKU_SECRET_KEY=SK-1"}},
		{"JOKUL_SECRET_KEY is what examples have in its place", append(real, "JOKUL_SECRET_KEY=<secret>")},
		{"BASE_URL is an address that neither shoppers nor DOKU reach", append(real, "BASE_URL=https://localhost")},
		{"JOKUL_BASE_URL is no host of DOKU's", append(real, "JOKUL_BASE_URL=https://api.doku.com.evil.example")},
		{"CONSOLE_PASSWORD begins like a hash", append(real, "CONSOLE_PASSWORD=$2y$10$abcdefghijklmnopqrstuv")},
		{"BASE_URL is a public address", []string{"BASE_URL=https://shop.example.com"}},
		{"ADDR can be reached from other machines", []string{"ADDR=0.0.0.0:0"}},
		{"SANDBOX_ADDR can be reached from other machines", []string{"SANDBOX_ADDR=:0"}},
		{"PUBLIC_DEMO must be yes or no", []string{"ADDR=0.0.0.0:0", "PUBLIC_DEMO=1"}},
		{"BASE_URL must begin with https://", append(real, "BASE_URL=http://shop.example.com")},
		{"JOKUL_BASE_URL must begin with https://", append(real, "JOKUL_BASE_URL=http://gateway.example.com")},
		{"JOKUL_BASE_URL is DOKU's sandbox", append(real, "JOKUL_BASE_URL=https://api-sandbox.doku.com")},
		{"JOKUL_CLIENT_ID is the demo's", append(real, "JOKUL_CLIENT_ID=MCH-0000-EMBEDDED")},
		{"JOKUL_SECRET_KEY is the demo's", append(real, "JOKUL_SECRET_KEY=SK-embedded-not-a-secret")},
		{"JOKUL_SECRET_KEY has a blank", append(real, "JOKUL_SECRET_KEY=SK-1\n")},
		{"JOKUL_SECRET_KEY and JOKUL_SECRET_KEY_FILE are both set", append(real, "JOKUL_SECRET_KEY_FILE=key")},
		{"NOTIFICATION_PATH /checkout is an address of the shop itself", append(real, "NOTIFICATION_PATH=/checkout")},
		{"NOTIFICATION_PATH /orders/x/check is an address of the shop itself", append(real, "NOTIFICATION_PATH=/orders/x/check")},
	} {
		dir := t.TempDir()
		if said := refused(t, dir, alone(tt.environ...)); !strings.HasPrefix(said, "warung: "+tt.says) {
			t.Errorf("%q: it says %q, want %q", tt.environ, said, tt.says)
		}
		if left := entries(t, dir); len(left) > 0 {
			t.Errorf("%q: it wrote %q", tt.environ, left)
		}
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, ".env"), []byte("JOKUL_ENVIRONMENT=production\nJOKUL_ENVIRONMENT=embedded\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if said := refused(t, dir, alone()); !strings.HasPrefix(said, "warung: .env gives JOKUL_ENVIRONMENT twice") {
		t.Errorf("with a name twice in .env it says %q", said)
	}
	for _, args := range [][]string{{"backup", "copy.db"}, {"retire-demo", "--yes"}, {"sandbox-key"}} {
		if said := refused(t, t.TempDir(), alone("JOKUL_ENVIROMENT=production"), args...); !strings.HasPrefix(said, "warung: JOKUL_ENVIROMENT is no setting") {
			t.Errorf("%q: it says %q", args, said)
		}
	}
}

// A demo that is meant for others starts, and so does one whose settings are in .env; the environment wins over the file.
func TestEnvFileIsRead(t *testing.T) {
	dir := t.TempDir()
	env := "JOKUL_ENVIRONMENT=sandbox # as the Back Office has it\nADDR=0.0.0.0:0\nPUBLIC_DEMO=yes\nCONSOLE_PASSWORD=" + consoleHash + "\nDATABASE_URL=sqlite:of-the-file.db\n"
	if err := os.WriteFile(filepath.Join(dir, ".env"), []byte(env), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, dir, "JOKUL_ENVIRONMENT=embedded", "DATABASE_URL=sqlite:warung.db")
	if n := strings.Count(p.logs.String(), ".env is read: 5 names in it, 4 of them set already in the environment, which wins"); n != 1 {
		t.Errorf("it says %d times that .env was read:\n%s", n, p.logs)
	}
	if strings.Contains(p.logs.String(), consoleHash) {
		t.Error("a value of .env is in the log")
	}
	v := visit(t, p)
	if status, _ := v.get("/console/login"); status != http.StatusOK {
		t.Errorf("the password of .env is not set: HTTP %d", status)
	}
	backup := exec.Command(binary, "backup", "copy.db")
	backup.Dir = dir
	backup.Env = alone("JOKUL_ENVIRONMENT=embedded")
	if out, err := backup.CombinedOutput(); err == nil || !strings.Contains(string(out), "of-the-file.db") {
		t.Errorf("backup: %v, %s; want it to look for the database of .env", err, out)
	}
}

// Whatever the umask, nothing that the shop writes can be read by others, and what others could read is taken from them:
// the database and what SQLite keeps beside it, the state of the gateway, the locks, a backup, a log in a file.
func TestFilesArePrivate(t *testing.T) {
	dir := t.TempDir()
	shop := func(line string) {
		t.Helper()
		cmd := exec.Command("sh", "-c", "umask 0; "+line)
		cmd.Dir, cmd.Env = dir, alone("DATABASE_URL=sqlite:warung.db", "WARUNG="+binary, "PATH="+os.Getenv("PATH"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v, %s", line, err, out)
		}
	}
	// The shop is stopped once it has said where it is, and killed, which leaves the files beside the database behind.
	const untilItServes = `"$WARUNG" >out 2>warung.log & n=0; until grep -q key out; do sleep 0.05; n=$((n+1)); test $n -lt 2400; done; "$WARUNG" backup copy$$.db; kill -9 $!`
	for _, when := range []string{"at the first start", "after others could read them"} {
		shop(untilItServes)
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err == nil && info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %s is %v", when, d.Name(), info.Mode().Perm())
			}
			if err == nil {
				err = os.Chmod(path, 0o666)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"warung.db", "warung.db-wal", "warung.db-shm", "warung.db.lock", "sandbox.state", "sandbox.state.lock", "warung.log"} {
			if !slices.Contains(entries(t, dir), name) {
				t.Errorf("%s: there is no %s", when, name)
			}
		}
		for _, copied := range entries(t, dir) {
			if strings.HasPrefix(copied, "copy") { // an old copy is not the shop's any more
				_ = os.Remove(filepath.Join(dir, copied))
			}
		}
	}
}

// The embedded gateway makes a key of its own, which is the same after a restart, another one elsewhere, and known to who
// can read the state file. With it a program signs as the gateway's merchant; with the key of old nobody does.
func TestEmbeddedKeyIsRandom(t *testing.T) {
	key := func(dir string) string {
		t.Helper()
		cmd := exec.Command(binary, "sandbox-key")
		cmd.Dir, cmd.Env = dir, alone()
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	empty := []string{"JOKUL_CLIENT_ID=", "JOKUL_SECRET_KEY=", "PUBLIC_DEMO=no"}
	dir, elsewhere := t.TempDir(), t.TempDir()
	if said := refused(t, dir, alone(), "sandbox-key"); !strings.Contains(said, "the first start makes it") {
		t.Errorf("before the first start sandbox-key says %q", said)
	}
	p := start(t, dir, empty...)
	first := key(dir)
	start(t, elsewhere, empty...)
	if other := key(elsewhere); other == first {
		t.Error("two gateways have one key")
	}
	v := visit(t, p)
	order := v.order("MNM-TEH")
	v.await(order, "a code", hasCode)
	for secret, works := range map[string]bool{first: true, "SK-embedded-not-a-secret": false} {
		client, err := jokul.New(sandbox.EmbeddedClientID, secret, jokul.WithBaseURL(p.sandbox))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.CheckStatus(t.Context(), "WJ-NOBODY-1"); jokul.IsNotFound(err) != works {
			t.Errorf("signed with %s: %v", secret, err)
		}
	}
	if strings.Contains(p.logs.String(), first) {
		t.Error("the key is in the log")
	}
	p.kill()
	p = start(t, dir, empty...)
	if again := key(dir); again != first {
		t.Errorf("after a restart the key is %s, not %s", again, first)
	}
	v.shop = p.shop
	act(t, p, v.status(order).PaymentCode, "pay")
	v.await(order, "paid", isPaid)
}

// Outside of a demo the metrics are for who is signed in to the console, or on OPS_ADDR; and nowhere without either.
func TestMetricsAreNotForStrangers(t *testing.T) {
	p := newPair(t, "", "OPS_ADDR=", "CONSOLE_PASSWORD="+consoleHash)
	v := visit(t, p.program())
	stranger := func(when string) {
		t.Helper()
		for _, path := range []string{"/metrics", "/console/metrics"} {
			if status, page := v.get(path); status == http.StatusOK || strings.Contains(page, "shop_orders") {
				t.Errorf("%s: %s is HTTP %d", when, path, status)
			}
		}
	}
	stranger("signed out")
	if res := v.post("/console/login", url.Values{"password": {consolePassword}}); res.StatusCode != http.StatusSeeOther {
		t.Fatalf("sign in: %s", res.Status)
	}
	if status, page := v.get("/console/metrics"); status != http.StatusOK || !strings.Contains(page, "shop_orders_placed_total") {
		t.Errorf("signed in: HTTP %d", status)
	}
	for _, settings := range [][]string{{"OPS_ADDR=", "CONSOLE_PASSWORD="}, {"OPS_ADDR=" + p.ops, "CONSOLE_PASSWORD=" + consoleHash}} {
		if err := p.shop.stop(); err != nil {
			t.Fatal(err)
		}
		p.shop.environ = append(p.shop.environ, settings...)
		if err := p.shop.start(); err != nil {
			t.Fatal(err)
		}
		v = visit(t, p.program())
		stranger(strings.Join(settings, " "))
	}
	if !strings.Contains(p.metrics(t), "shop_orders_placed_total") {
		t.Error("they are not on OPS_ADDR")
	}
}

// The Secret Key is changed while a payment is under way: the notification that was signed with the old key pays, what is
// asked afterwards is signed with the new one, and once the old key is removed nobody can use it.
func TestKeyRotation(t *testing.T) {
	const renewed = "SK-contoh-baru-bukan-rahasia"
	p := newPair(t, "", "CONSOLE_PASSWORD="+consoleHash)
	v := visit(t, p.program())
	first := v.order("MNM-TEH")
	s := v.await(first, "a code", hasCode)
	restart := func(settings ...string) {
		t.Helper()
		if err := p.shop.stop(); err != nil {
			t.Fatal(err)
		}
		p.shop.environ = append(p.shop.environ, settings...)
		if err := p.shop.start(); err != nil {
			t.Fatal(err)
		}
	}
	restart("JOKUL_SECRET_KEY="+renewed, "JOKUL_PREVIOUS_SECRET_KEY="+secret)
	act(t, p.program(), s.PaymentCode, "pay") // the gateway still has the old key
	v.await(first, "paid", isPaid)
	if metrics := p.metrics(t); !strings.Contains(metrics, `shop_notifications_signed_total{key="previous"} 1`) {
		t.Error("no metric says that the previous key fitted")
	}
	p.gateway.kill()
	p.gateway.environ = []string{"JOKUL_CLIENT_ID=" + clientID, "JOKUL_SECRET_KEY=" + renewed}
	if err := p.gateway.start(); err != nil {
		t.Fatal(err)
	}
	second := v.order("MNM-GAYO")
	act(t, p.program(), v.await(second, "a code, signed for with the new key", hasCode).PaymentCode, "pay")
	v.await(second, "paid", isPaid)
	if metrics := p.metrics(t); !strings.Contains(metrics, `shop_notifications_signed_total{key="current"} 1`) {
		t.Error("no metric says that the new key fitted")
	}
	v.post("/console/login", url.Values{"password": {consolePassword}})
	if _, page := v.get("/console/setup?lang=en"); !strings.Contains(page, "The last notification signed with it came on") {
		t.Error("the set-up check does not say when the previous key was of use")
	}
	body := `{"order":{"invoice_number":"WJ-NOBODY-1","amount":10000},"transaction":{"status":"SUCCESS"}}`
	for settings, want := range map[string]int{"JOKUL_PREVIOUS_SECRET_KEY=" + secret: http.StatusOK, "JOKUL_PREVIOUS_SECRET_KEY=": http.StatusUnauthorized} {
		restart(settings)
		if got := notify(t, p.program(), body, genuine); got != want {
			t.Errorf("%s: signed with the old key it is HTTP %d, want %d", settings, got, want)
		}
	}
	for _, log := range []string{p.shop.logs.String(), p.gateway.logs.String()} {
		if strings.Contains(log, renewed) {
			t.Error("the new key is in a log")
		}
	}
}
