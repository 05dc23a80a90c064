package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"time"

	"warungjokul/jokul/sandbox"
)

// shopper is one customer in the storm: impatient, forgetful, and paying in
// every way there is. The shop may be down at any moment; a shopper tries again.
type shopper struct {
	*chaos
	name   string // of the shopper and of the checkout form
	client *http.Client
	order  *memory
}

func newShopper(c *chaos, name string) *shopper {
	jar, _ := cookiejar.New(nil) // fails for options only
	return &shopper{chaos: c, name: name, client: &http.Client{Jar: jar, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

var (
	plenty = []string{"MKN-RENDANG", "MKN-SAMBAL", "MKN-TEMPE", "MKN-KERUPUK", "MNM-GAYO", "MNM-TEH", "MNM-JAMU", "VCR-050"}
	scarce = []string{"KRJ-WAYANG", "KRJ-ANGKLUNG"} // sold out, and back, all the time
)

const reusable = "VCR-CELENGAN"

// shop is one visit, from the cart to leaving.
func (s *shopper) shop() {
	saving := s.chance.float() < 0.06
	s.fillCart(saving)
	if !s.checkOut() {
		return
	}
	state, ok := s.awaitCode()
	if !ok {
		return // comes back another day, or not
	}
	if saving {
		for range 1 + s.chance.n(3) {
			s.pay(state, sandbox.ActionPay)
		}
		return
	}
	switch roll := s.chance.float(); {
	case roll < 0.10: // nobody will ever tell the shop
		s.network.neverTell(state.InvoiceNumber)
		s.pay(state, sandbox.ActionPay)
	case roll < 0.60:
		s.pay(state, sandbox.ActionPay)
		s.lookAgain()
	case roll < 0.64:
		s.pay(state, sandbox.ActionPayTwice)
	case roll < 0.68:
		s.pay(state, sandbox.ActionPayLate)
	case roll < 0.72:
		s.pay(state, sandbox.ActionPayWrongAmount)
		s.lookAgain()
	case roll < 0.73: // nor of this
		s.network.neverTell(state.InvoiceNumber)
		s.pay(state, sandbox.ActionPayWrongAmount)
	case roll < 0.76: // the merchant cancels, and the code is still good
		s.haveCancelled(state)
		s.pay(state, sandbox.ActionPay)
	case roll < 0.84:
		s.renew(state)
	default: // thinks better of it
	}
}

func (s *shopper) fillCart(saving bool) {
	if saving {
		s.mustPost("/cart/items", url.Values{"sku": {reusable}, "quantity": {"1"}})
		return
	}
	for range 1 + s.chance.n(3) {
		sku := plenty[s.chance.n(len(plenty))]
		if s.chance.float() < 0.08 {
			sku = scarce[s.chance.n(len(scarce))]
		}
		s.mustPost("/cart/items", url.Values{"sku": {sku}, "quantity": {fmt.Sprint(1 + s.chance.n(2))}})
	}
}

// mustPost tries until the shop answers something that is no trouble.
func (s *shopper) mustPost(path string, form url.Values) *http.Response {
	var last error
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); pause(s.chance.between(20*time.Millisecond, 300*time.Millisecond)) {
		res, err := s.client.PostForm(s.chaos.shop.base+path, form)
		if err != nil {
			last = err
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode < http.StatusInternalServerError {
			return res
		}
		last = errors.New(res.Status)
	}
	s.t.Errorf("POST %s: the shop was in trouble for minutes: %v", routeOf(path), last)
	return &http.Response{}
}

func routeOf(path string) string { return path[:strings.LastIndexByte(path, '/')+1] }

// checkoutForm fills in the checkout's form, once the shop shows it.
func (s *shopper) checkoutForm() url.Values {
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); pause(s.chance.between(20*time.Millisecond, 300*time.Millisecond)) {
		res, err := s.client.Get(s.chaos.shop.base + "/checkout")
		if err != nil {
			continue
		}
		page, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err == nil && res.StatusCode < http.StatusInternalServerError {
			return filledIn(string(page)) // without an ID where the cart cannot be ordered
		}
	}
	s.t.Error("the checkout: the shop was in trouble for minutes")
	return nil
}

// checkOut posts the form, now and then twice at once, and reports whether there
// is an order.
func (s *shopper) checkOut() bool {
	form := s.checkoutForm()
	answers := make([]*http.Response, 1+s.chance.n(8)/7)
	var presses sync.WaitGroup
	for i := range answers {
		presses.Go(func() { answers[i] = s.mustPost("/checkout", form) })
	}
	presses.Wait()
	for _, res := range answers {
		place := ""
		if res.StatusCode == http.StatusSeeOther {
			place = res.Header.Get("Location")
		}
		switch {
		case strings.HasPrefix(place, "/orders/") && s.order == nil:
			s.order = s.remember(place)
			s.placed.Add(1)
		case strings.HasPrefix(place, "/orders/") && s.order.path != place:
			s.t.Errorf("one form became two orders: %s and %s", s.order.path, place)
		}
	}
	if s.order == nil {
		s.refused.Add(1)
	}
	return s.order != nil
}

// awaitCode looks at the order's page until there is a code, asking for a new
// one where the gateway refused.
func (s *shopper) awaitCode() (status, bool) {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); pause(s.chance.between(50*time.Millisecond, 250*time.Millisecond)) {
		state, err := s.look()
		switch {
		case err != nil:
		case state.PaymentStatus == "failed":
			s.mustPost(s.order.path+"/payments", nil)
		case state.OrderStatus != "awaiting_payment":
			return state, false
		case state.PaymentCode != "" && state.PaymentStatus == "pending":
			return state, true
		}
	}
	return status{}, false
}

// look reads the order's status; an order never walks backwards.
func (s *shopper) look() (status, error) {
	state, err := s.status(s.order.path)
	if err != nil {
		return state, err
	}
	if s.order.paid && state.OrderStatus != "paid" {
		s.t.Errorf("an order that was paid is %s", state.OrderStatus)
	}
	s.order.paid = s.order.paid || state.OrderStatus == "paid"
	return state, nil
}

// pay pays at the till, which may be down too. That a second try finds the code
// paid, or expired meanwhile, is how tills are.
func (s *shopper) pay(state status, action sandbox.Action) {
	var last error
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); pause(200 * time.Millisecond) {
		_, err := s.control(http.MethodPost, "/control/payments",
			map[string]string{"payment_code": state.PaymentCode, "action": string(action)})
		var refused refusal
		switch {
		case err == nil, errors.As(err, &refused) && refused.status == http.StatusConflict:
			return
		case errors.As(err, &refused) && refused.status == http.StatusNotFound:
			s.t.Errorf("the till does not know the code of %s", state.InvoiceNumber)
			return
		}
		last = err
	}
	s.t.Errorf("the till was down for minutes: %v", last)
}

// haveCancelled has the merchant cancel the order in the console, unless it is over
// already.
func (s *shopper) haveCancelled(state status) {
	order := state.InvoiceNumber[:strings.LastIndexByte(state.InvoiceNumber, '-')]
	s.mustPost("/console/login", url.Values{"password": {consolePassword}, "next": {"/console"}})
	if res := s.mustPost("/console/orders/"+order+"/cancel", nil); res.StatusCode != http.StatusSeeOther && res.StatusCode != http.StatusConflict {
		s.t.Errorf("cancel an order: HTTP %d", res.StatusCode)
	}
}

// lookAgain waits a little for the page to turn to paid, and says "I have paid"
// when it does not.
func (s *shopper) lookAgain() {
	for range 1 + s.chance.n(10) {
		if state, err := s.look(); err == nil && state.OrderStatus == "paid" {
			return
		}
		pause(s.chance.between(50*time.Millisecond, 300*time.Millisecond))
	}
	if s.chance.float() < 0.3 {
		s.mustPost(s.order.path+"/check", nil)
		_, _ = s.look()
	}
}

// renew lets the code expire, gets another, and pays that one, the old one, or
// both.
func (s *shopper) renew(old status) {
	s.pay(old, sandbox.ActionExpire)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); pause(100 * time.Millisecond) {
		s.mustPost(s.order.path+"/check", nil)
		if state, err := s.look(); err == nil && state.PaymentStatus == "expired" {
			break
		}
	}
	s.mustPost(s.order.path+"/payments", nil)
	fresh, ok := s.awaitCode()
	if ok && fresh.InvoiceNumber != old.InvoiceNumber && s.chance.float() < 0.8 {
		s.pay(fresh, sandbox.ActionPay)
	}
	if s.chance.float() < 0.3 {
		s.pay(old, sandbox.ActionPayLate)
	}
}
