package e2e_test

import (
	"context"
	"errors"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A state file is one gateway's at a time. A second one is refused in one sentence
// and loses nothing; a gateway that was killed leaves its file to the next.
func TestTwoGatewaysOnOneStateFile(t *testing.T) {
	t.Parallel()
	p := newSQLitePair(t)
	v := visit(t, p.program())
	pay := func() string {
		order := v.order("MNM-GAYO")
		s := v.await(order, "a code", hasCode)
		control(t, p.program(), http.MethodPost, "/control/payments", map[string]string{"action": "pay", "payment_code": s.PaymentCode})
		v.await(order, "paid", isPaid)
		return s.InvoiceNumber
	}
	state := filepath.Join(p.dir, "gateway.state")
	second := func(what string) {
		said, status := runToItsEnd(t, p.dir, nil, gateway, "sandbox", "--addr", "127.0.0.1:0", "--state", state)
		want := "jokul: sandbox: state file " + state + " is in use by another sandbox: stop that one, or give this one a file of its own\n"
		if status != 1 || said != want {
			t.Errorf("%s, a second gateway ended with %d and said %q, want 1 and %q", what, status, said, want)
		}
	}
	var paid []string
	second("before a payment")
	paid = append(paid, pay())
	second("after a payment")
	for range 2 {
		p.gateway.kill()
		if err := p.gateway.start(); err != nil {
			t.Fatal(err)
		}
		second("after a kill")
		paid = append(paid, pay())
	}
	for i, entry := range control(t, p.program(), http.MethodGet, "/control/payments", nil)["ledger"].([]any) {
		account := entry.(map[string]any)
		if n := len(account["payments"].([]any)); n != 1 || account["invoice_number"] != paid[i] {
			t.Errorf("the gateway has %d payments of %s, want 1 of %s", n, account["invoice_number"], paid[i])
		}
	}
}

// A second demo in one folder is refused for the sandbox's state file, whatever
// its own addresses and database are.
func TestTwoDemosOnOneStateFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	state := filepath.Join(dir, "sandbox.state")
	p := start(t, dir, "SANDBOX_STATE="+state)
	said, status := runToItsEnd(t, dir, []string{"ADDR=127.0.0.1:0", "SANDBOX_ADDR=127.0.0.1:0", "DATABASE_URL=sqlite:other.db",
		"SANDBOX_STATE=sandbox.state", "LOG_LEVEL=error"}, binary)
	if status != 1 || !strings.HasPrefix(said, "warung: SANDBOX_STATE sandbox.state: another sandbox is running") || strings.Count(said, "\n") != 1 {
		t.Errorf("a second demo ended with %d and said %q, want 1 and one sentence that names the file", status, said)
	}
	p.kill()
	start(t, dir, "SANDBOX_STATE="+state)
}

// runToItsEnd runs a program that ends by itself, in a folder and with settings of
// its own, and returns all it said.
func runToItsEnd(t *testing.T, dir string, environ []string, argv ...string) (said string, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = dir, environ
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}
