package main

import (
	"strings"
	"testing"
	"time"

	"warungjokul/handlers/web"
	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
)

const testSecret = "SK-must-never-be-shown"

func TestDefaults(t *testing.T) {
	s, err := readSettings(nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Addr != "127.0.0.1:8080" || s.Environment != embedded || s.ClientID != embeddedClientID || s.SecretKey != "" || s.PublicDemo != "no" ||
		s.PaymentExpiry != time.Hour || s.GatewayURL != "" || s.LogFormat != "text" || s.RateLimit != "on" {
		t.Errorf("got %+v", s)
	}
}

func TestEnvironments(t *testing.T) {
	for _, c := range []struct{ environment, override, want string }{
		{"sandbox", "", jokul.SandboxURL},
		{"production", "", jokul.ProductionURL},
		{"production", "https://api.doku.com", "https://api.doku.com"},
		{"production", "https://127.0.0.1:1", "https://127.0.0.1:1"},
		{"sandbox", "https://gateway.example.com", "https://gateway.example.com"},
		{"sandbox", "http://127.0.0.1:1", "http://127.0.0.1:1"},
	} {
		s, err := readSettings([]string{"JOKUL_ENVIRONMENT=" + c.environment, "JOKUL_BASE_URL=" + c.override,
			"JOKUL_CLIENT_ID=MCH-1", "JOKUL_SECRET_KEY=" + testSecret, "BASE_URL=https://shop.example.com/"})
		if err != nil {
			t.Errorf("%s: %v", c.environment, err)
			continue
		}
		if s.GatewayURL != c.want || s.LogFormat != "json" || s.BaseURL != "https://shop.example.com" {
			t.Errorf("%s: gateway %q, log %q, base %q", c.environment, s.GatewayURL, s.LogFormat, s.BaseURL)
		}
	}
}

// Each start that must not happen, and the one setting its sentence names.
func TestBadSettings(t *testing.T) {
	live := []string{"JOKUL_ENVIRONMENT=production", "JOKUL_CLIENT_ID=MCH-1", "JOKUL_SECRET_KEY=" + testSecret, "BASE_URL=https://shop.example.com"}
	for _, c := range []struct{ given, names string }{
		{"JOKUL_ENVIRONMENT=staging", "JOKUL_ENVIRONMENT"},
		{"JOKUL_CLIENT_ID=", "JOKUL_CLIENT_ID"},
		{"JOKUL_SECRET_KEY=", "JOKUL_SECRET_KEY"},
		{"BASE_URL=", "BASE_URL"},
		{"BASE_URL=shop.example.com", "BASE_URL"},
		{"BASE_URL=https://shop.example.com/shop", "BASE_URL"},
		{"BASE_URL=ftp://shop.example.com", "BASE_URL"},
		{"JOKUL_BASE_URL=https://api.doku.com/v1", "JOKUL_BASE_URL"},
		{"JOKUL_ENVIRONMENT=", "JOKUL_ENVIRONMENT"},
		{"JOKUL_BASE_URL=https://gateway.example.com", "JOKUL_BASE_URL"},
		{"JOKUL_BASE_URL=https://api.doku.com.evil.example", "JOKUL_BASE_URL"},
		{"JOKUL_BASE_URL=https://evildoku.com", "JOKUL_BASE_URL"},
		{"JOKUL_BASE_URL=https://192.0.2.1", "JOKUL_BASE_URL"},
		{"BASE_URL=https://localhost", "BASE_URL"},
		{"BASE_URL=https://shop.localhost.", "BASE_URL"},
		{"BASE_URL=https://127.0.0.1", "BASE_URL"},
		{"BASE_URL=https://[::1]:8443", "BASE_URL"},
		{"BASE_URL=https://[::ffff:10.0.0.1]", "BASE_URL"},
		{"BASE_URL=https://192.168.1.10", "BASE_URL"},
		{"BASE_URL=https://0.0.0.0", "BASE_URL"},
		{"BASE_URL=https://127.1", "BASE_URL"},
		{"BASE_URL=https://0x7f.1", "BASE_URL"},
		{"BASE_URL=https://2130706433", "BASE_URL"},
		{"BASE_URL=https://shop", "BASE_URL"},
		{"JOKUL_SECRET_KEY=your-secret-key", "JOKUL_SECRET_KEY"},
		{"JOKUL_SECRET_KEY=SK-YOUR_SECRET_KEY", "JOKUL_SECRET_KEY"},
		{"JOKUL_SECRET_KEY=<secret>", "JOKUL_SECRET_KEY"},
		{"JOKUL_SECRET_KEY=SK-<your-key>", "JOKUL_SECRET_KEY"},
		{"JOKUL_SECRET_KEY=changeme", "JOKUL_SECRET_KEY"},
		{"JOKUL_SECRET_KEY=secret", "JOKUL_SECRET_KEY"},
		{"JOKUL_SECRET_KEY=secret-key", "JOKUL_SECRET_KEY"},
		{"JOKUL_SECRET_KEY=${JOKUL_SECRET_KEY}", "JOKUL_SECRET_KEY"},
		{"JOKUL_SECRET_KEY={{secret}}", "JOKUL_SECRET_KEY"},
		{"JOKUL_SECRET_KEY=...", "JOKUL_SECRET_KEY"},
		{"JOKUL_SECRET_KEY=SK-xxxxxxxxxx", "JOKUL_SECRET_KEY"},
		{"JOKUL_SECRET_KEY=SK-***", "JOKUL_SECRET_KEY"},
		{"JOKUL_SECRET_KEY=null", "JOKUL_SECRET_KEY"},
		{"JOKUL_PREVIOUS_SECRET_KEY=<old>", "JOKUL_PREVIOUS_SECRET_KEY"},
		{"JOKUL_CLIENT_ID=your-client-id", "JOKUL_CLIENT_ID"},
		{"JOKUL_CLIENT_ID=<client-id>", "JOKUL_CLIENT_ID"},
		{"JOKUL_CLIENT_ID=MCH-...", "JOKUL_CLIENT_ID"},
		{"CONSOLE_PASSWORD=         ", "CONSOLE_PASSWORD"},
		{"CONSOLE_PASSWORD=a         b", "CONSOLE_PASSWORD"},
		{"CONSOLE_PASSWORD=password", "CONSOLE_PASSWORD"},
		{"CONSOLE_PASSWORD=<password>", "CONSOLE_PASSWORD"},
		{"CONSOLE_PASSWORD=aaaaaaaaaa", "CONSOLE_PASSWORD"},
		{"CONSOLE_PASSWORD=your-password", "CONSOLE_PASSWORD"},
		{"CONSOLE_PASSWORD=$2y$10$abcdefghijklmnopqrstuv", "CONSOLE_PASSWORD"},
		{"CONSOLE_PASSWORD=$2y$31$abcdefghijklmnopqrstuu0123456789012345678901234567890", "CONSOLE_PASSWORD"},
		{"CONSOLE_PASSWORD=$2y$10$abcdefghijklmnopqrstuu012345678901234567890123456789!", "CONSOLE_PASSWORD"},
		{"CONSOLE_PASSWORD=$argon2id$v=19$m=65536,t=3,p=4$c2FsdA", "CONSOLE_PASSWORD"},
		{"CONSOLE_PASSWORD={SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "CONSOLE_PASSWORD"},
		{"CONSOLE_PASSWORD=short", "CONSOLE_PASSWORD"},
		{"CONSOLE_PASSWORD=" + strings.Repeat("x", 73), "CONSOLE_PASSWORD"},
		{"SMTP_URL=mail.example.com", "SMTP_URL"},
		{"SMTP_URL=http://mail.example.com", "SMTP_URL"},
		{"SMTP_URL=smtp://mail.example.com", "MAIL_FROM"},
		{"NOTIFICATION_PATH=payments", "NOTIFICATION_PATH"},
		{"NOTIFICATION_PATH=/payments?a=b", "NOTIFICATION_PATH"},
		{"NOTIFICATION_PATH=/", "NOTIFICATION_PATH"},
		{"PAYMENT_EXPIRY=soon", "PAYMENT_EXPIRY"},
		{"PAYMENT_EXPIRY=30s", "PAYMENT_EXPIRY"},
		{"PAYMENT_EXPIRY=90s", "PAYMENT_EXPIRY"},
		{"PAYMENT_EXPIRY=168h1m", "PAYMENT_EXPIRY"},
		{"LOG_LEVEL=loud", "LOG_LEVEL"},
		{"LOG_FORMAT=xml", "LOG_FORMAT"},
		{"RATE_LIMIT=maybe", "RATE_LIMIT"},
		{"TRUSTED_PROXIES=nginx", "TRUSTED_PROXIES"},
		{"TRUSTED_PROXIES=10.0.0.0/99", "TRUSTED_PROXIES"},
		{"TRUSTED_PROXIES=0.0.0.0/0", "TRUSTED_PROXIES"},
		{"PUBLIC_DEMO=true", "PUBLIC_DEMO"},
		{"BASE_URL=http://shop.example.com", "BASE_URL"},
		{"BASE_URL=http://127.0.0.1:8080", "BASE_URL"},
		{"JOKUL_BASE_URL=http://127.0.0.1:8081", "JOKUL_BASE_URL"},
		{"JOKUL_BASE_URL=http://api.doku.com", "JOKUL_BASE_URL"},
		{"JOKUL_BASE_URL=https://api-sandbox.doku.com", "JOKUL_BASE_URL"},
		{"JOKUL_BASE_URL=https://API-Sandbox.DOKU.com.:443", "JOKUL_BASE_URL"},
		{"JOKUL_CLIENT_ID=MCH-1 ", "JOKUL_CLIENT_ID"},
		{"JOKUL_CLIENT_ID=MCH-\u200b1", "JOKUL_CLIENT_ID"},
		{"JOKUL_CLIENT_ID=" + sandbox.EmbeddedClientID, "JOKUL_CLIENT_ID"},
		{"JOKUL_CLIENT_ID=" + sandbox.StandaloneClientID, "JOKUL_CLIENT_ID"},
		{"JOKUL_SECRET_KEY=SK-embedded-not-a-secret", "JOKUL_SECRET_KEY"},
		{"JOKUL_SECRET_KEY=" + sandbox.StandaloneSecretKey, "JOKUL_SECRET_KEY"},
		{"JOKUL_SECRET_KEY=" + testSecret + "\n", "JOKUL_SECRET_KEY"},
		{"JOKUL_SECRET_KEY=" + testSecret + " " + testSecret, "JOKUL_SECRET_KEY"},
		{`JOKUL_SECRET_KEY="` + testSecret + `"`, "JOKUL_SECRET_KEY"},
		{"JOKUL_SECRET_KEY='" + testSecret + "'", "JOKUL_SECRET_KEY"},
		{"JOKUL_PREVIOUS_SECRET_KEY=" + testSecret, "JOKUL_PREVIOUS_SECRET_KEY"},
		{"JOKUL_PREVIOUS_SECRET_KEY=" + testSecret + "\t", "JOKUL_PREVIOUS_SECRET_KEY"},
		{"JOKUL_PREVIOUS_SECRET_KEY=" + sandbox.StandaloneSecretKey, "JOKUL_PREVIOUS_SECRET_KEY"},
		{"NOTIFICATION_PATH=/checkout", "NOTIFICATION_PATH"},
		{"NOTIFICATION_PATH=/products/kopi", "NOTIFICATION_PATH"},
		{"NOTIFICATION_PATH=/orders/abc/status", "NOTIFICATION_PATH"},
		{"NOTIFICATION_PATH=/console/anything/at/all", "NOTIFICATION_PATH"},
		{"NOTIFICATION_PATH=/metrics", "NOTIFICATION_PATH"},
		{"NOTIFICATION_PATH=/mailbox", "NOTIFICATION_PATH"},
		{"NOTIFICATION_PATH=/static/app.css", "NOTIFICATION_PATH"},
		{"NOTIFICATION_PATH=/payments//notifications", "NOTIFICATION_PATH"},
		{"NOTIFICATION_PATH=/payments/../cart", "NOTIFICATION_PATH"},
		{"PERSONAL_DATA_DAYS=0", "PERSONAL_DATA_DAYS"},
		{"PERSONAL_DATA_DAYS=13", "PERSONAL_DATA_DAYS"},
		{"PERSONAL_DATA_DAYS=3651", "PERSONAL_DATA_DAYS"},
		{"PERSONAL_DATA_DAYS=90d", "PERSONAL_DATA_DAYS"},
		{"SHOP_NAME= ", "SHOP_NAME"},
		{"SHOP_NAME=two\nlines", "SHOP_NAME"},
		{"SHOP_ADDRESS=" + strings.Repeat("x", 201), "SHOP_ADDRESS"},
		{"SHOP_CONTACT=nobody", "SHOP_CONTACT"},
	} {
		_, err := readSettings(append(live[:len(live):len(live)], c.given))
		if err == nil {
			t.Errorf("%s: taken", c.given)
			continue
		}
		said := err.Error()
		if !strings.HasPrefix(said, c.names+" ") || strings.Contains(said, "\n") {
			t.Errorf("%s: got %q, want one sentence that begins with %s", c.given, said, c.names)
		}
		if strings.Contains(said, testSecret) {
			t.Errorf("%s: the secret is in %q", c.given, said)
		}
	}
}

// What is odd and somebody's own is taken.
func TestOddSettings(t *testing.T) {
	live := []string{"JOKUL_ENVIRONMENT=production", "JOKUL_CLIENT_ID=BRN-0201-1625629218475", "JOKUL_SECRET_KEY=SK-Kzv0YourX3secretTest7", "BASE_URL=https://shop.example.com"}
	for _, given := range []string{"", "BASE_URL=https://8.8.8.8", "BASE_URL=https://toko.co.id:8443", "CONSOLE_PASSWORD=correct horse battery", "CONSOLE_PASSWORD=my-secret-is-long",
		"CONSOLE_PASSWORD=$ecret$tuff", "CONSOLE_PASSWORD=<3 kopi tubruk", "CONSOLE_PASSWORD=$2a$04$abcdefghijklmnopqrstuu0123456789012345678901234567890"} {
		if _, err := readSettings(append(live[:len(live):len(live)], given)); err != nil {
			t.Errorf("%s: %v", given, err)
		}
	}
}

// Outside of embedded mode no credential is made up.
func TestNoSecretByDefault(t *testing.T) {
	for _, environment := range []string{sandboxed, production} {
		if s, err := readSettings([]string{"JOKUL_ENVIRONMENT=" + environment}); err == nil || s.ClientID != "" || s.SecretKey != "" {
			t.Errorf("%s: started with Client-Id %q, %v", environment, s.ClientID, err)
		}
	}
}

// Sandbox and production are not mixed up: DOKU's sandbox knows no credentials of an offline gateway and is not asked by
// a shop that means production, nor the other way round. A gateway of one's own may be known by any.
func TestWorldsApart(t *testing.T) {
	sandboxed := []string{"JOKUL_ENVIRONMENT=sandbox", "JOKUL_CLIENT_ID=" + sandbox.StandaloneClientID, "JOKUL_SECRET_KEY=" + sandbox.StandaloneSecretKey,
		"BASE_URL=http://127.0.0.1:8080"}
	for given, names := range map[string]string{
		"": "JOKUL_CLIENT_ID",
		"JOKUL_BASE_URL=https://api-sandbox.doku.com": "JOKUL_CLIENT_ID",
		"JOKUL_BASE_URL=http://api-sandbox.doku.com":  "JOKUL_BASE_URL",
		"JOKUL_BASE_URL=https://api.doku.com":         "JOKUL_BASE_URL",
		"JOKUL_BASE_URL=http://127.0.0.1:8081":        "",
		"JOKUL_BASE_URL=http://gateway:8081":          "",
	} {
		_, err := readSettings(append(sandboxed[:len(sandboxed):len(sandboxed)], given))
		if names == "" && err != nil || names != "" && (err == nil || !strings.HasPrefix(err.Error(), names+" ")) {
			t.Errorf("%s: got %v, want one that names %q", given, err, names)
		}
	}
}

// What the set-up check is told holds no secret.
func TestSetupIsToldNoSecret(t *testing.T) {
	s, err := readSettings([]string{"JOKUL_ENVIRONMENT=production", "JOKUL_CLIENT_ID=MCH-1", "JOKUL_SECRET_KEY=" + testSecret, "JOKUL_PREVIOUS_SECRET_KEY=SK-before",
		"BASE_URL=https://shop.example.com", "SMTP_URL=smtp://user:hidden@mail.example.com", "MAIL_FROM=toko@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	want := web.Setup{Environment: "production", GatewayURL: "https://api.doku.com", PreviousKey: true, Database: "sqlite", MailFrom: "toko@example.com"}
	if got := s.setup(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A shop that was meant for DOKU, or for others to see, is not opened as a demo, in which anybody can make payments up,
// because JOKUL_ENVIRONMENT was forgotten.
func TestDemoThatWasNotMeant(t *testing.T) {
	for given, names := range map[string]string{
		"JOKUL_CLIENT_ID=MCH-1":                "JOKUL_CLIENT_ID",
		"JOKUL_SECRET_KEY=" + testSecret:       "JOKUL_SECRET_KEY",
		"JOKUL_PREVIOUS_SECRET_KEY=SK-1":       "JOKUL_PREVIOUS_SECRET_KEY",
		"JOKUL_BASE_URL=https://api.doku.com":  "JOKUL_BASE_URL",
		"BASE_URL=https://shop.example.com":    "BASE_URL",
		"BASE_URL=http://192.168.1.10:8080":    "BASE_URL",
		"BASE_URL=http://localhost.example.id": "BASE_URL",
		"ADDR=:8080":                           "ADDR",
		"ADDR=0.0.0.0:8080":                    "ADDR",
		"ADDR=[::]:8080":                       "ADDR",
		"ADDR=shop.example.com:8080":           "ADDR",
		"SANDBOX_ADDR=:8081":                   "SANDBOX_ADDR",
		"SANDBOX_ADDR=192.168.1.10:8081":       "SANDBOX_ADDR",
		"OPS_ADDR=:9090":                       "OPS_ADDR",
	} {
		for _, no := range []string{"", "PUBLIC_DEMO=no", "PUBLIC_DEMO="} {
			_, err := readSettings([]string{given, no})
			if err == nil || !strings.HasPrefix(err.Error(), names+" ") || !strings.Contains(err.Error(), "PUBLIC_DEMO=yes") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s %s: got %v, want one sentence that begins with %s", given, no, err, names)
			}
		}
		if names == "JOKUL_BASE_URL" {
			continue // of DOKU's there is no demo at all
		}
		if _, err := readSettings([]string{given, "PUBLIC_DEMO=yes"}); err != nil {
			t.Errorf("%s PUBLIC_DEMO=yes: %v", given, err)
		}
	}
	for _, given := range []string{"ADDR=localhost:0", "ADDR=127.0.0.2:80", "ADDR=[::1]:8080", "BASE_URL=http://localhost:8080", "BASE_URL=http://shop.localhost",
		"BASE_URL=http://[::1]:8080", "JOKUL_BASE_URL=http://127.0.0.1:8081", "OPS_ADDR=127.0.0.1:9090"} {
		if s, err := readSettings([]string{given}); err != nil || len(s.warnings) > 0 {
			t.Errorf("%s: %v, %q", given, err, s.warnings)
		}
	}
}

// Whoever gives the embedded gateway credentials of its own is warned: they might be DOKU's.
func TestCredentialsOfADemo(t *testing.T) {
	s, err := readSettings([]string{"JOKUL_CLIENT_ID=MCH-1", "JOKUL_SECRET_KEY=" + testSecret, "PUBLIC_DEMO=yes"})
	if err != nil || s.ClientID != "MCH-1" || s.SecretKey != testSecret {
		t.Errorf("got %s, %v", s.ClientID, err)
	}
	if len(s.warnings) != 1 || !strings.Contains(s.warnings[0], "never set DOKU's") {
		t.Errorf("warned of %q", s.warnings)
	}
}
