package console

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"warungjokul/jokul"
	"warungjokul/models"
	"warungjokul/payments"
	"warungjokul/views"
)

// Each function the pages name is written where they say.
func TestSourcesAreThere(t *testing.T) {
	list := append(append([]views.Source{}, notificationSource...), rejectionSource...)
	for _, known := range callsKnown {
		list = append(list, known.source...)
	}
	list = append(list, sources((*payments.Service).PlaceOrder, (*models.Store).PlaceOrder, (*payments.Service).NewCode, (*models.Store).AddPayment, (*payments.Service).RunOnce,
		(*models.Store).MailSent, (*models.Store).CorrectCustomer)...)
	for _, s := range list {
		file, line, _ := strings.Cut(s.Place, ":")
		content, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Error(err)
			continue
		}
		name := s.Function[strings.LastIndex(s.Function, ".")+1:]
		var at int
		fmt.Sscan(line, &at)
		lines := strings.Split(string(content), "\n")
		if at < 1 || at > len(lines) || !regexp.MustCompile(`^func (\(\w+ \*\w+\) )?`+name+`\(`).MatchString(lines[at-1]) {
			t.Errorf("%s is not at %s", s.Function, s.Place)
		}
	}
	if len(list) < 20 {
		t.Errorf("%d places", len(list))
	}
}

// What is known of the Secret Key decides between the guesses.
func TestWeigh(t *testing.T) {
	received := time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	before, after := received.Add(-time.Minute), received.Add(time.Minute)
	plain := []jokul.Cause{{Code: jokul.CauseKeyChanged}, {Code: jokul.CausePathChanged}, {Code: jokul.CauseBodyChanged}}
	rewritten := []jokul.Cause{{Code: jokul.CauseKeyChanged}, {Code: jokul.CauseBodyChanged}, {Code: jokul.CausePathChanged}}
	for name, c := range map[string]struct {
		causes []jokul.Cause
		proof  keyProof
		want   jokul.CauseCode
	}{
		"nothing known":                      {plain, keyProof{}, jokul.CauseKeyChanged},
		"the key does not fit":               {rewritten, keyProof{true, false, after}, jokul.CauseKeyChanged},
		"it fitted before":                   {plain, keyProof{true, true, before}, jokul.CauseKeyChanged},
		"it fitted before, the body changed": {rewritten, keyProof{true, true, before}, jokul.CauseBodyChanged},
		"it fits":                            {plain, keyProof{true, true, after}, jokul.CausePathChanged},
		"certain":                            {[]jokul.Cause{{Code: jokul.CausePrefix, Certain: true}}, keyProof{}, jokul.CausePrefix},
	} {
		if got := rankCauses(c.causes, c.proof, received)[0].Code; got != c.want {
			t.Errorf("%s: %s first, want %s", name, got, c.want)
		}
	}
}

func TestQuoted(t *testing.T) {
	for in, want := range map[string]string{"a": "'a'", "it's $x `y`": `'it'\''s $x ` + "`y`'"} {
		if got := quoted(in); got != want {
			t.Errorf("%s", got)
		}
	}
}
