package sandbox_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"warungjokul/jokul/sandbox"
)

// A gateway that is given no key makes one, which survives a restart with the state
// file, and is another one without.
func TestAKeyIsMadeAndKept(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sandbox.state")
	key := func(cfg sandbox.Config) string {
		t.Helper()
		cfg.ClientID = "MCH-1"
		s, err := sandbox.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		return s.SecretKey()
	}
	kept := sandbox.Config{StateFile: file}
	first := key(kept)
	if len(first) < 30 || strings.TrimSpace(first) != first {
		t.Errorf("the key is %q", first)
	}
	for range 2 { // the second one has been compacted
		if again := key(kept); again != first {
			t.Errorf("after a restart the key is %q, not %q", again, first)
		}
	}
	if given := key(sandbox.Config{StateFile: file, SecretKey: "SK-given"}); given != "SK-given" {
		t.Errorf("the key that was given became %q", given)
	}
	if again := key(kept); again != first {
		t.Errorf("after a start with a given key it is %q, not %q", again, first)
	}
	if stored, err := sandbox.StoredKey(file); err != nil || stored != first {
		t.Errorf("stored is %q, %v, want %q", stored, err, first)
	}
	if text, err := os.ReadFile(file); err != nil || bytes.Contains(text, []byte("SK-given")) {
		t.Errorf("a key that was given is kept: %v", err)
	}
	if one, two := key(sandbox.Config{}), key(sandbox.Config{}); one == two || one == first {
		t.Errorf("without a file the keys are %q and %q", one, two)
	}
}

// A state file from before keys were kept gets one, and loses nothing.
func TestAnOldStateFileGetsAKey(t *testing.T) {
	old, err := os.ReadFile("testdata/answers-apart.state")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "sandbox.state")
	if err := os.WriteFile(file, old, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sandbox.StoredKey(file); err == nil || !strings.Contains(err.Error(), "holds no key") {
		t.Errorf("got %v", err)
	}
	s, err := sandbox.Open(sandbox.Config{ClientID: "MCH-1", StateFile: file})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if stored, err := sandbox.StoredKey(file); err != nil || stored != s.SecretKey() { // of a gateway at work
		t.Errorf("stored is %q, %v", stored, err)
	}
	if ledger, err := s.Ledger(); err != nil || len(ledger) == 0 {
		t.Errorf("the ledger is %v, %v", ledger, err)
	}
}

// Nobody but their owner reads the state file and its lock, whoever could before, nor
// what a stop halfway has left.
func TestStateIsPrivate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sandbox.state")
	for _, name := range []string{file + ".lock", file + ".new"} {
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(file, []byte(`{"warungjokul_sandbox_state":1}`+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := sandbox.Open(sandbox.Config{ClientID: "MCH-1", StateFile: file})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, name := range []string{file, file + ".lock"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}
