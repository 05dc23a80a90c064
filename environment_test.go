package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// written is a file with a mode, whatever the umask is.
func written(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
	return file
}

// A setting whose name is misspelt would keep its default: the start says which one was meant.
func TestUnknownNames(t *testing.T) {
	for name, meant := range map[string]string{
		"JOKUL_ENVIROMENT": "JOKUL_ENVIRONMENT", "JOKUL_ENV": "JOKUL_ENVIRONMENT", "jokul_environment": "JOKUL_ENVIRONMENT", "JOKUL-ENVIRONMENT": "JOKUL_ENVIRONMENT",
		"JOKUL_SECRETKEY": "JOKUL_SECRET_KEY", "JOKUL_SECRET_KEY_FILES": "JOKUL_SECRET_KEY_FILE", "JOKUL_CLIENTID": "JOKUL_CLIENT_ID",
		"JKUL_ENVIRONMENT": "JOKUL_ENVIRONMENT", "JOKU_SECRET_KEY": "JOKUL_SECRET_KEY", "_JOKUL_ENVIRONMENT": "JOKUL_ENVIRONMENT",
		" JOKUL_ENVIRONMENT": "JOKUL_ENVIRONMENT", "JOKU_ENV": "JOKUL_ENVIRONMENT", "YOKUL_SECRET_KEY": "JOKUL_SECRET_KEY", "OKUL_CLIENT_ID": "JOKUL_CLIENT_ID",
		"jokul.environment": "JOKUL_ENVIRONMENT", "DOKU_SECRET_KEY": "JOKUL_SECRET_KEY", "DOKU_CLIENT_ID": "JOKUL_CLIENT_ID", "DOKU_ENV": "JOKUL_ENVIRONMENT",
		"doku_environment": "JOKUL_ENVIRONMENT", "DOKU_URL": "JOKUL_BASE_URL", "DOKU_SECRET_KEY_FILE": "JOKUL_SECRET_KEY_FILE",
		"JOKUL_PREVIOUS_SECRET": "JOKUL_PREVIOUS_SECRET_KEY", "JOKUL_BASEURL": "JOKUL_BASE_URL",
	} {
		_, err := readSettings([]string{name + "=" + testSecret})
		if err == nil || err.Error() != name+" is no setting; did you mean "+meant+"?" {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, meant := range map[string]string{"CONSOLE_PASWORD": "CONSOLE_PASSWORD", "console_password": "CONSOLE_PASSWORD", "CONSOLEPASSWORD": "CONSOLE_PASSWORD",
		"DATABASE_URI": "DATABASE_URL", "RATE_LIMITS": "RATE_LIMIT", "SMTP_URI": "SMTP_URL", "PUBLIC_DEMOS": "PUBLIC_DEMO"} {
		s, err := readSettings([]string{name + "=" + testSecret})
		if err != nil || !slices.Equal(s.warnings, []string{name + " is set and is no setting; did you mean " + meant + "?"}) {
			t.Errorf("%s: warned of %q, %v", name, s.warnings, err)
		}
	}
	for _, name := range []string{"PATH", "HOME", "USER", "LANG", "SHELL", "PWD", "TERM", "CI", "GOGC", "HOSTNAME", "LOGNAME", "MAIL", "PORT", "HTTP_PROXY", "SSL_CERT_FILE",
		"GOMEMLIMIT", "TZ", "EDITOR", "BASH_ENV", "GOPROXY", "OLDPWD", "LS_COLORS", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR"} {
		if s, err := readSettings([]string{name + "=x"}); err != nil || len(s.warnings) > 0 {
			t.Errorf("%s: %v, %q", name, err, s.warnings)
		}
	}
}

// Every secret can be in a file; what goes wrong there is said in one sentence that shows nothing of it.
func TestSecretsInFiles(t *testing.T) {
	_, secrets := names()
	if want := []string{"DATABASE_URL", "JOKUL_SECRET_KEY", "JOKUL_PREVIOUS_SECRET_KEY", "CONSOLE_PASSWORD", "SMTP_URL"}; !slices.Equal(secrets, want) {
		t.Errorf("these are secrets: %q, want %q", secrets, want)
	}
	live := []string{"JOKUL_ENVIRONMENT=sandbox", "JOKUL_CLIENT_ID=MCH-1", "BASE_URL=https://shop.example.com"}
	with := func(more ...string) (settings, error) {
		return readSettings(append(live[:len(live):len(live)], more...))
	}
	for _, end := range []string{"", "\n", "\r\n"} {
		s, err := with("JOKUL_SECRET_KEY_FILE="+written(t, testSecret+end, 0o600), "JOKUL_SECRET_KEY=", "CONSOLE_PASSWORD_FILE="+written(t, "a password \n", 0o440))
		if err != nil || s.SecretKey != testSecret || s.ConsolePassword != "a password " || len(s.warnings) > 0 {
			t.Errorf("%q: got %q and %q, %q, %v", end, s.SecretKey, s.ConsolePassword, s.warnings, err)
		}
	}
	open := written(t, testSecret, 0o604)
	if s, err := with("JOKUL_SECRET_KEY_FILE=" + open); err != nil || len(s.warnings) != 1 || !strings.HasPrefix(s.warnings[0], "JOKUL_SECRET_KEY_FILE "+open+" can be read by others") {
		t.Errorf("a file that others read: %q, %v", s.warnings, err)
	}
	for names, given := range map[string][]string{
		"JOKUL_SECRET_KEY and JOKUL_SECRET_KEY_FILE are both set": {"JOKUL_SECRET_KEY=" + testSecret, "JOKUL_SECRET_KEY_FILE=" + open},
		"JOKUL_SECRET_KEY_FILE /no/such/file cannot be read":      {"JOKUL_SECRET_KEY_FILE=/no/such/file"},
		"JOKUL_SECRET_KEY_FILE " + t.TempDir():                    {"JOKUL_SECRET_KEY_FILE=" + t.TempDir()},
		"JOKUL_SECRET_KEY_FILE":                                   {"JOKUL_SECRET_KEY_FILE=" + written(t, "\n", 0o600)},
		"JOKUL_SECRET_KEY has a blank":                            {"JOKUL_SECRET_KEY_FILE=" + written(t, testSecret+"\n\n", 0o600)},
	} {
		names, _, _ = strings.Cut(names, " /tmp")
		if _, err := with(given...); err == nil || !strings.HasPrefix(err.Error(), names) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), testSecret) {
			t.Errorf("%q: got %v, want one sentence that begins with %q", given, err, names)
		}
	}
}

// What .env says is set, unless the environment has it already, and means what it says.
func TestEnvFile(t *testing.T) {
	const hash = "$2a$10$abcdefghijklmnopqrstuvwxyz${HOME}"
	file := written(t, "# a comment\nJOKUL_CLIENT_ID=MCH-of-the-file\nexport LOG_FORMAT=json\nCONSOLE_PASSWORD="+hash+"\nMAIL_FROM=\"Warung Jokul <toko@example.com>\"\n", 0o600)
	all, notes, err := addEnvFile([]string{"LOG_FORMAT=text", "PATH=/bin"}, file)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"LOG_FORMAT=text", "PATH=/bin", "CONSOLE_PASSWORD=" + hash, "JOKUL_CLIENT_ID=MCH-of-the-file", "MAIL_FROM=Warung Jokul <toko@example.com>"}
	if !slices.Equal(all, want) {
		t.Errorf("got %q, want %q", all, want)
	}
	if len(notes) != 1 || !strings.Contains(notes[0], "4 names in it, 1 of them set already") || strings.Contains(notes[0], "MCH") {
		t.Errorf("it says %q", notes)
	}
	if all, notes, err := addEnvFile(want, filepath.Join(t.TempDir(), ".env")); err != nil || len(notes) > 0 || !slices.Equal(all, want) {
		t.Errorf("without a file: %q, %q, %v", all, notes, err)
	}
	if _, notes, err := addEnvFile(nil, written(t, "JOKUL_SECRET_KEY="+testSecret, 0o644)); err != nil || len(notes) != 2 || strings.Contains(notes[1], testSecret) {
		t.Errorf("a file that others read: %q, %v", notes, err)
	}
	for _, text := range []string{"JOKUL_ENVIRONMENT=production\nJOKUL_ENVIRONMENT=embedded\n", "\tLOG_FORMAT : json\n# LOG_FORMAT=text\nexport LOG_FORMAT=text"} {
		if _, _, err := addEnvFile(nil, written(t, text, 0o600)); err == nil || !strings.HasSuffix(err.Error(), " twice; remove one of them") {
			t.Errorf("%q: got %v", text, err)
		}
	}
	twiceInWords := "SHOP_NAME=Warung\n#SHOP_NAME=Toko\nMAIL_FROM=a@example.com # SHOP_NAME=x\n"
	if all, _, err := addEnvFile(nil, written(t, twiceInWords, 0o600)); err != nil || !slices.Equal(all, []string{"MAIL_FROM=a@example.com", "SHOP_NAME=Warung"}) {
		t.Errorf("%q: got %q, %v", twiceInWords, all, err)
	}
	if all, _, err := addEnvFile(nil, written(t, "\ufeffLOG_FORMAT=json\r\nSHOP_NAME=Toko\r\n", 0o600)); err != nil || !slices.Equal(all, []string{"LOG_FORMAT=json", "SHOP_NAME=Toko"}) {
		t.Errorf("with a mark in front: %q, %v", all, err)
	}
	for _, text := range []string{"JOKUL_SECRET_KEY " + testSecret, `JOKUL_SECRET_KEY="` + testSecret, "{\"JOKUL_SECRET_KEY\": \"" + testSecret + "\"}"} {
		if _, _, err := addEnvFile(nil, written(t, text, 0o600)); err == nil || strings.Contains(err.Error(), testSecret) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: got %v", text, err)
		}
	}
	if _, _, err := addEnvFile(nil, t.TempDir()); err == nil {
		t.Error("a folder was read")
	}
}
