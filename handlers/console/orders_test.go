package console

import (
	"testing"
	"time"
	"warungjokul/models"
	"warungjokul/views"
)

// The gateway's clock tells whole seconds: a code is still told of after the
// attempt it was asked for by.
func TestTimelineIsInOrder(t *testing.T) {
	placed := time.Date(2026, 11, 24, 3, 0, 0, 400_000_000, time.UTC)
	issued := placed.Truncate(time.Second)
	o := models.Order{PlacedAt: placed, Payments: []models.Payment{{InvoiceNumber: "WJ-X-1", Attempt: 1, CreatedAt: placed, CodeIssuedAt: &issued}}}
	events := timeline(views.English, o, models.History{}, placed)
	if len(events) != 3 || events[0].Text != views.English.T("event.placed") || events[2].Text != views.English.T("event.code", "WJ-X-1") {
		t.Errorf("got %+v", events)
	}
}
