package console

import (
	"context"
	"testing"

	"warungjokul/handlers/web"
	"warungjokul/jokul"
	"warungjokul/views"
)

// Addresses and Client-Ids of a real shop are looked at closely.
func TestSettingsOfARealShop(t *testing.T) {
	for address, want := range map[string]string{"https://toko.example": string(views.Good), "https://toko.example:8443": string(views.Warn), "https://10.1.2.3": string(views.Bad), "https://localhost": string(views.Bad), "https://kasir.local": string(views.Bad)} {
		r := report{l: views.English}
		h := &Handler{App: &web.App{Config: web.Config{BaseURL: address, Setup: web.Setup{Environment: web.Production}}}}
		if h.checkBaseURL(&r); string(r.list[0].Verdict) != want {
			t.Errorf("%s is %s, want %s", address, r.list[0].Verdict, want)
		}
	}
	for id, want := range map[string]string{"MCH-0001-10791114622547": string(views.Good), "BRN-0203-1234567890123": string(views.Good), "MCH0001": string(views.Warn), "MCH 0001-1": string(views.Warn)} {
		gateway, err := jokul.New(id, "SK-1")
		if err != nil {
			t.Fatal(err)
		}
		r := report{l: views.English}
		h := &Handler{App: &web.App{Config: web.Config{BaseURL: "https://toko.example", Gateway: gateway, Setup: web.Setup{Environment: web.Production, GatewayURL: jokul.ProductionURL}}}}
		h.checkSettings(context.Background(), &r)
		for _, f := range r.list {
			if f.Item == "client" && string(f.Verdict) != want || f.Item != "client" && f.Verdict != views.Good {
				t.Errorf("%q: %s is %s", id, f.Item, f.Verdict)
			}
		}
	}
}
