package main

import (
	"strings"
	"testing"
	"time"

	"warungjokul/handlers"
	"warungjokul/jokul"
)

const testSecret = "SK-must-never-be-shown"

func TestDefaults(t *testing.T) {
	s, err := readSettings(nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Addr != "127.0.0.1:8080" || s.Environment != embedded || s.ClientID != embeddedClientID || s.SecretKey != embeddedSecretKey ||
		s.PaymentExpiry != time.Hour || s.GatewayURL != "" || s.LogFormat != "text" || s.RateLimit != "on" {
		t.Errorf("got %+v", s)
	}
}

func TestEnvironments(t *testing.T) {
	for _, c := range []struct{ environment, override, want string }{
		{"sandbox", "", jokul.SandboxURL},
		{"production", "", jokul.ProductionURL},
		{"production", "http://127.0.0.1:1", "http://127.0.0.1:1"},
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
		{"PAYMENT_EXPIRY=25h", "PAYMENT_EXPIRY"},
		{"LOG_LEVEL=loud", "LOG_LEVEL"},
		{"LOG_FORMAT=xml", "LOG_FORMAT"},
		{"RATE_LIMIT=maybe", "RATE_LIMIT"},
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

// Outside of embedded mode no credential is made up.
func TestNoSecretByDefault(t *testing.T) {
	for _, environment := range []string{sandboxed, production} {
		if s, err := readSettings([]string{"JOKUL_ENVIRONMENT=" + environment}); err == nil || s.ClientID != "" || s.SecretKey != "" {
			t.Errorf("%s: started with Client-Id %q, %v", environment, s.ClientID, err)
		}
	}
}

// What the set-up check is told holds no secret, and says when one looks pasted
// with something around it.
func TestSetupIsToldNoSecret(t *testing.T) {
	for key, odd := range map[string]bool{"SK-1": false, "SK-1\n": true, " SK-1": true, `"SK-1"`: true, "'SK-1'": true, "SK 1": false} {
		s, err := readSettings([]string{"JOKUL_ENVIRONMENT=production", "JOKUL_CLIENT_ID=MCH-1", "JOKUL_SECRET_KEY=" + key, "BASE_URL=https://shop.example.com",
			"SMTP_URL=smtp://user:hidden@mail.example.com", "MAIL_FROM=toko@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		want := handlers.Setup{Environment: "production", GatewayURL: "https://api.doku.com", OddSecret: odd, Database: "sqlite", MailFrom: "toko@example.com"}
		if got := s.setup(); got != want {
			t.Errorf("%q: got %+v, want %+v", key, got, want)
		}
	}
}
