package jokul_test

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
)

const configuredURL = "https://shop.example.com/payments/notifications"

func share(kind jokul.SettlementType, value int64) jokul.SettlementShare {
	return jokul.SettlementShare{BankAccountSettlementID: "SBA-0001-123123123", Type: kind, Value: value}
}

// All of additional_info reaches the gateway as docs/protocol.md section 4
// shapes it, and comes back in the status query.
func TestAdditionalInfoThereAndBack(t *testing.T) {
	gateway, err := sandbox.Open(sandbox.Config{ClientID: testClientID, SecretKey: testSecret, NotificationURL: configuredURL})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gateway)
	defer server.Close()
	client := newClient(t, jokul.WithBaseURL(server.URL), jokul.WithNotificationURL(configuredURL))
	r := request()
	r.Reusable = true
	r.AdditionalInfo = jokul.AdditionalInfo{
		OverrideNotificationURL: "https://other.example.com/payments/notifications",
		AccountID:               "SAC-0000-0000000000000",
		Settlement:              []jokul.SettlementShare{share(jokul.SettlementPercentage, 10), share(jokul.SettlementFix, 25_000)},
		Integration:             jokul.Integration{Name: "our-shop", Version: "1.0.0", CMSVersion: "7", ModuleName: "pay"},
	}
	p := prepare(t, client, r)
	const want = `"additional_info":{"override_notification_url":"https://other.example.com/payments/notifications",` +
		`"account":{"id":"SAC-0000-0000000000000"},` +
		`"settlement":[{"bank_account_settlement_id":"SBA-0001-123123123","value":10,"type":"PERCENTAGE"},` +
		`{"bank_account_settlement_id":"SBA-0001-123123123","value":25000,"type":"FIX"}],` +
		`"integration":{"name":"our-shop","version":"1.0.0","cms_version":"7","module-name":"pay"}}`
	if !strings.Contains(string(p.Body), want) || !strings.Contains(string(p.Body), `"reusable_status":true`) {
		t.Errorf("body %s\nwants %s", p.Body, want)
	}
	if _, err := client.GeneratePaymentCode(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	status, err := client.CheckStatus(t.Context(), r.InvoiceNumber)
	if err != nil {
		t.Fatal(err)
	}
	var echoed struct{ Settlement []any }
	if err := json.Unmarshal(status.AdditionalInfo, &echoed); err != nil || len(echoed.Settlement) != 2 {
		t.Errorf("the status query echoes %s, %v", status.AdditionalInfo, err)
	}
}

func TestNoAdditionalInfoIsNotSent(t *testing.T) {
	if p := prepare(t, newClient(t), request()); strings.Contains(string(p.Body), "additional_info") {
		t.Errorf("body %s", p.Body)
	}
}

func TestAdditionalInfoRefused(t *testing.T) {
	const (
		override   = "additional_info.override_notification_url"
		settlement = "additional_info.settlement"
	)
	long := strings.Repeat("x", 65)
	for name, tc := range map[string]struct {
		info  jokul.AdditionalInfo
		field string
	}{
		"override with another path":  {jokul.AdditionalInfo{OverrideNotificationURL: "https://shop.example.com/elsewhere"}, override},
		"override with a slash more":  {jokul.AdditionalInfo{OverrideNotificationURL: configuredURL + "/"}, override},
		"override with a query":       {jokul.AdditionalInfo{OverrideNotificationURL: configuredURL + "?a=b"}, override},
		"override without TLS":        {jokul.AdditionalInfo{OverrideNotificationURL: strings.Replace(configuredURL, "https", "http", 1)}, override},
		"override with a password":    {jokul.AdditionalInfo{OverrideNotificationURL: "https://a:b@x.example/payments/notifications"}, override},
		"override that is no address": {jokul.AdditionalInfo{OverrideNotificationURL: "/payments/notifications"}, override},
		"account id too long":         {jokul.AdditionalInfo{AccountID: long}, "additional_info.account.id"},
		"integration name too long":   {jokul.AdditionalInfo{Integration: jokul.Integration{Name: long}}, "additional_info.integration.name"},
		"integration version accents": {jokul.AdditionalInfo{Integration: jokul.Integration{Version: "1é"}}, "additional_info.integration.version"},
		"integration CMS too long":    {jokul.AdditionalInfo{Integration: jokul.Integration{CMSVersion: long}}, "additional_info.integration.cms_version"},
		"integration module too long": {jokul.AdditionalInfo{Integration: jokul.Integration{ModuleName: long}}, "additional_info.integration.module-name"},
		"share of no type":            {settle(share("", 1)), settlement + "[0].type"},
		"share of no account":         {settle(jokul.SettlementShare{Type: jokul.SettlementFix, Value: 1}), settlement + "[0].bank_account_settlement_id"},
		"share of nothing":            {settle(share(jokul.SettlementFix, 0)), settlement + "[0].value"},
		"share below nothing":         {settle(share(jokul.SettlementFix, 5), share(jokul.SettlementFix, -5)), settlement + "[1].value"},
		"share above the whole":       {settle(share(jokul.SettlementPercentage, 101)), settlement + "[0].value"},
		"share above the amount":      {settle(share(jokul.SettlementFix, 90_001)), settlement + "[0].value"},
		"percentages above 100":       {settle(share(jokul.SettlementPercentage, 60), share(jokul.SettlementPercentage, 41)), settlement},
		"rupiah above the amount":     {settle(share(jokul.SettlementFix, 45_000), share(jokul.SettlementFix, 45_001)), settlement},
		"both kinds above the amount": {settle(share(jokul.SettlementFix, 45_001), share(jokul.SettlementPercentage, 50)), settlement},
	} {
		client := newClient(t, jokul.WithNotificationURL(configuredURL))
		r := request()
		r.AdditionalInfo = tc.info
		var e *jokul.FieldError
		if _, err := client.Prepare(r); !errors.As(err, &e) || e.Field != tc.field {
			t.Errorf("%s: got %v, want an error of %s", name, err, tc.field)
		}
	}
	t.Run("an override when no Notification URL is configured", func(t *testing.T) {
		r := request()
		r.AdditionalInfo.OverrideNotificationURL = configuredURL
		var e *jokul.FieldError
		if _, err := newClient(t).Prepare(r); !errors.As(err, &e) || e.Field != override {
			t.Errorf("got %v, want an error of %s", err, override)
		}
	})
}

func settle(shares ...jokul.SettlementShare) jokul.AdditionalInfo {
	return jokul.AdditionalInfo{Settlement: shares}
}

// Shares that make up the whole amount, to the rupiah, pass.
func TestSettlementOfTheWholeAmount(t *testing.T) {
	for name, info := range map[string]jokul.AdditionalInfo{
		"rupiah":     settle(share(jokul.SettlementFix, 45_000), share(jokul.SettlementFix, 45_000)),
		"percent":    settle(share(jokul.SettlementPercentage, 100)),
		"both kinds": settle(share(jokul.SettlementFix, 45_000), share(jokul.SettlementPercentage, 50)),
	} {
		r := request()
		r.AdditionalInfo = info
		if _, err := newClient(t).Prepare(r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
