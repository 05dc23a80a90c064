package models

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
)

var gaps = Gaps{Creating: time.Minute, Open: 30 * time.Minute, Over: 6 * time.Hour, Failed: time.Hour}

func bringForward(t *testing.T, s *Store, want int64) {
	t.Helper()
	if n, err := s.BringForward(context.Background(), gaps); err != nil || n != want {
		t.Errorf("%d were brought forward, want %d: %v", n, want, err)
	}
}

// A lease that was written by a clock that was ahead is not waited for; one by the
// clock of another shop, which is never quite the same, is.
func TestLeaseFromAhead(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	o := withCode(t, s, c, "MNM-TEH")
	claim := func() bool {
		t.Helper()
		_, claimed, err := s.Claim(ctx, o.Payment().ID)
		if err != nil {
			t.Fatal(err)
		}
		return claimed
	}
	c.advance(skew)
	if !claim() {
		t.Fatal("nobody has it, and it was not claimed")
	}
	c.advance(-skew)
	if claim() {
		t.Error("claimed while another shop has it whose clock is a little ahead")
	}
	c.advance(-time.Hour)
	if !claim() || claim() {
		t.Error("with the clock set back it was not claimed, or twice")
	}
	c.advance(time.Hour - lease) // due in time, the lease is from ahead again
	set(t, s, &Payment{}, o.Payment().ID, "next_check_at", c.now())
	set(t, s, &Payment{}, o.Payment().ID, "leased_until", c.now().Add(time.Hour))
	if due, err := s.ClaimDue(ctx, 10); err != nil || len(due) != 1 {
		t.Errorf("%d payments are due, want the one: %v", len(due), err)
	}
}

// No turn to the gateway waits for longer than it can have to; what waits for no
// longer than that stays where it is.
func TestTurnsFromAhead(t *testing.T) {
	s, c := openStore(t)
	for name, tt := range map[string]struct {
		state   PaymentState
		expires time.Duration // from now
		gap     time.Duration
	}{
		"while there is no code":              {PaymentCreating, time.Hour, gaps.Creating},
		"while the code may be paid":          {PaymentPending, time.Hour, gaps.Open},
		"after its deadline":                  {PaymentPending, -time.Second, gaps.Over},
		"while the code may be paid again":    {PaymentPaid, time.Hour, gaps.Open},
		"after the deadline of a paid one":    {PaymentPaid, -time.Second, gaps.Over},
		"for money that was under way":        {PaymentExpired, -time.Second, gaps.Over},
		"until a refused order is given up":   {PaymentFailed, time.Hour, gaps.Failed},
		"with a code that was over too early": {PaymentExpired, 24 * time.Hour, gaps.Over},
	} {
		t.Run(name, func(t *testing.T) {
			o := withCode(t, s, c, "MNM-TEH")
			due := func(in time.Duration) time.Duration {
				t.Helper()
				set(t, s, &Payment{}, o.Payment().ID, "next_check_at", c.now().Add(in))
				if _, err := s.BringForward(context.Background(), gaps); err != nil {
					t.Fatal(err)
				}
				return reload(t, s, o).Payment().NextCheckAt.Sub(c.now())
			}
			set(t, s, &Payment{}, o.Payment().ID, "state", tt.state)
			set(t, s, &Payment{}, o.Payment().ID, "expires_at", c.now().Add(tt.expires))
			for in, want := range map[time.Duration]time.Duration{0: 0, tt.gap: tt.gap, tt.gap + skew: tt.gap + skew,
				tt.gap + time.Minute: tt.gap, tt.gap + 365*24*time.Hour: tt.gap} {
				if got := due(in); got != want {
					t.Errorf("due in %s, and then in %s, want %s", in, got, want)
				}
			}
			set(t, s, &Payment{}, o.Payment().ID, "next_check_at", nil)
			bringForward(t, s, 0)
			if next := reload(t, s, o).Payment().NextCheckAt; next != nil {
				t.Errorf("never due, and then at %s", next)
			}
		})
	}
}

// An order that was placed while the clock was ahead gets its code all the same: it
// is due a minute later, lease or no lease.
func TestOrderFromAhead(t *testing.T) {
	s, c := openStore(t)
	c.advance(time.Hour)
	place(t, s, "MNM-TEH", 1)
	c.advance(-time.Hour)
	bringForward(t, s, 1)
	bringForward(t, s, 0)
	c.advance(gaps.Creating)
	if due, err := s.ClaimDue(context.Background(), 10); err != nil || len(due) != 1 {
		t.Errorf("%d payments are due, want the one: %v", len(due), err)
	}
}

// Nor does a mail wait, unless it has a time of its own.
func TestMailsFromAhead(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	claim := func(want int) []Mail {
		t.Helper()
		list, err := s.ClaimMails(ctx, 10)
		if err != nil || len(list) != want {
			t.Fatalf("%d mails are due, want %d: %v", len(list), want, err)
		}
		return list
	}
	c.advance(2 * time.Hour)
	o := withCode(t, s, c, "MNM-TEH") // and its reminder, in 45 minutes
	set(t, s, &Payment{}, o.Payment().ID, "next_check_at", nil)
	c.advance(-2 * time.Hour)
	claim(0)
	bringForward(t, s, 1)
	claim(1)

	bringForward(t, s, 0)
	c.advance(-2 * time.Hour) // the lease, too, and the moment, are from ahead now
	bringForward(t, s, 2)
	claim(0)
	c.advance(mailLease)
	m := claim(1)[0]

	if err := s.PostponeMail(ctx, m, "no answer", c.now().Add(MailPause)); err != nil {
		t.Fatal(err)
	}
	bringForward(t, s, 0)
	c.advance(-2 * time.Hour)
	bringForward(t, s, 2)
	c.advance(MailPause)
	m = claim(1)[0]

	m.Subject = "code"
	if err := s.MailSent(ctx, m); err != nil {
		t.Fatal(err)
	}
	c.advance(-skew)
	again := func() bool {
		t.Helper()
		again, err := s.MailAgain(ctx, m.PaymentID)
		if err != nil {
			t.Fatal(err)
		}
		return again
	}
	if again() {
		t.Error("sent again at once, for another shop's clock is a little ahead")
	}
	c.advance(-time.Hour)
	if !again() {
		t.Error("with the clock set back it is not sent again")
	}
}

// Who asked while the clock was ahead may ask again.
func TestAskedFromAhead(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "MNM-TEH")
	ask := func() bool {
		t.Helper()
		granted, err := s.MayCheck(context.Background(), o.Payment().ID, skew)
		if err != nil {
			t.Fatal(err)
		}
		return granted
	}
	if !ask() || ask() {
		t.Error("asking was not granted, or twice")
	}
	c.advance(-skew)
	if ask() {
		t.Error("granted again at once, for another shop's clock is a little ahead")
	}
	c.advance(-time.Hour)
	if !ask() || ask() {
		t.Error("with the clock set back it was not granted, or twice")
	}
}

// What was put off is looked for every minute, among a million payments: by when it
// is due.
func TestBringForwardReadsIndexes(t *testing.T) {
	s, _ := openAt(t, "sqlite:"+filepath.Join(t.TempDir(), "shop.db"))
	for _, l := range lateTurns(gaps, time.Now()) {
		now := time.Now()
		update := l.bringForward(s.read.Session(&gorm.Session{DryRun: true}), now).Statement
		var plan []struct{ Detail string }
		if err := s.read.Raw("EXPLAIN QUERY PLAN "+update.SQL.String(), update.Vars...).Scan(&plan).Error; err != nil || len(plan) == 0 {
			t.Fatal(plan, err)
		}
		for _, step := range plan {
			if !strings.Contains(step.Detail, "idx_payments_next_check_at") && !strings.Contains(step.Detail, "mails_due") {
				t.Errorf("%s\n%s", update.SQL.String(), step.Detail)
			}
		}
	}
}
