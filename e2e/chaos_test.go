package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"warungjokul/jokul/sandbox"
)

// What make chaos sets; as they stand here they are the short form.
var (
	chaosOrders = flag.Int("orders", 150, "TestChaos: how many orders to place")
	chaosKills  = flag.Int("kills", 5, "TestChaos: how often to kill the shop")
	chaosShops  = flag.Int("replicas", 0, "TestChaos: how many shops behind nginx on one PostgreSQL; 0 is one shop alone")
	chaosSeed   = flag.Uint64("seed", 0, "TestChaos: where chance begins; 0 lets chance choose")
)

// TestChaos drives shoppers through checkout and payment while the shop is
// killed, the gateway stopped, killed and misbehaving, and the network between
// them loses, delays, doubles and reorders notifications. The gateway's messages
// about one payment differ from each other in every way that does not matter, and
// every notification is sent again at the end. When the weather has cleared, the
// shop's books must agree with the gateway's ledger to the rupiah: with what was
// applied to orders, and with what was of another amount, too late, for an order
// that was cancelled, or once too often.
//
// Nothing helps the shop at the end but its own worker and the gateway's own
// retries; one in ten payments is never told of by any notification.
func TestChaos(t *testing.T) {
	t.Parallel() // it mostly waits for codes to expire
	weather(t, *chaosShops)
}

// TestChaosOfReplicas is the same storm over three shops on one PostgreSQL, any of
// which may be killed while shoppers, and notifications, reach the others.
func TestChaosOfReplicas(t *testing.T) {
	t.Parallel()
	weather(t, 3)
}

func weather(t *testing.T, replicas int) {
	c := newChaos(t, replicas)
	began := time.Now()
	c.storm()
	c.t.Logf("the storm lasted %s", time.Since(began).Round(time.Second))
	c.clear()
	c.awaitTheEnd()
	ledger := c.readLedger()
	for _, shop := range c.shops {
		if err := shop.stop(); err != nil {
			t.Errorf("the %s did not stop well: %v", shop.name, err)
		}
	}
	books := readBooks(t, c.database)
	c.report(ledger, books, time.Since(began))
	for _, difference := range audit(ledger, books, c.stock) {
		t.Error(difference)
	}
	c.checkShoppers(books)
	checkAudit(t, ledger, books, c.stock)
}

// chaos is the world of one run.
type chaos struct {
	t      *testing.T
	seed   uint64
	chance *chance
	*fleet
	network *network
	stock   map[string]int64 // before the first order

	placed, refused, kills, stops atomic.Int64
	over                          chan struct{} // the storm has blown itself out

	mu     sync.Mutex
	orders []*memory
}

// memory is what one shopper knows of an order.
type memory struct {
	path string
	paid bool // the shopper has seen it paid
}

// chance is a source of randomness for many goroutines.
type chance struct {
	mu sync.Mutex
	r  *rand.Rand
}

func (c *chance) float() float64 { c.mu.Lock(); defer c.mu.Unlock(); return c.r.Float64() }

func (c *chance) n(n int) int { c.mu.Lock(); defer c.mu.Unlock(); return c.r.IntN(n) }

// between is a random time.
func (c *chance) between(least, most time.Duration) time.Duration {
	return least + time.Duration(c.float()*float64(most-least))
}

func newChaos(t *testing.T, replicas int) *chaos {
	c := &chaos{t: t, seed: *chaosSeed, over: make(chan struct{})}
	if c.seed == 0 {
		c.seed = rand.Uint64() >> 32
	}
	t.Logf("seed %d, %d orders, %d kills, %d replicas", c.seed, *chaosOrders, *chaosKills, replicas)
	c.chance = &chance{r: rand.New(rand.NewPCG(c.seed, 1))}
	c.network = newNetwork(t, c.chance)
	if settings := []string{"PAYMENT_EXPIRY=1m", "RATE_LIMIT=off", "CONSOLE_PASSWORD=" + consoleHash}; replicas > 0 {
		c.fleet = newFleet(t, replicas, c.network.server.URL, settings...)
	} else {
		alone := newPair(t, c.network.server.URL, settings...)
		c.fleet = &fleet{pair: alone, shops: []*process{alone.shop}}
	}
	c.network.shop = c.shop.base
	c.stock = fillShelves(t, c.database)
	return c
}

// storm runs until enough orders are placed and the shop was killed often enough.
func (c *chaos) storm() {
	var shoppers, elements sync.WaitGroup
	for i := range max(16, *chaosOrders/40) {
		shoppers.Go(func() {
			for n := 0; c.placed.Load() < int64(*chaosOrders); n++ {
				newShopper(c, fmt.Sprintf("%d-%d-%d", c.seed, i, n)).shop()
			}
		})
	}
	elements.Go(c.killTheShop)
	elements.Go(c.troubleTheGateway)
	shoppers.Wait()
	close(c.over)
	elements.Wait()
}

// killTheShop ends a shop without a word, again and again, spread over the run,
// and starts it again a moment later.
func (c *chaos) killTheShop() {
	for c.kills.Load() < int64(*chaosKills) {
		due := c.kills.Load() * int64(*chaosOrders) / int64(*chaosKills)
		for c.placed.Load() < due && c.sleep(20*time.Millisecond) {
		}
		pause(c.chance.between(0, 700*time.Millisecond))
		shop := c.shops[c.chance.n(len(c.shops))]
		shop.kill()
		c.kills.Add(1)
		pause(c.chance.between(0, 400*time.Millisecond))
		if err := shop.start(); err != nil {
			c.t.Error(err)
			return
		}
	}
}

// decidable are the ways in which messages about one payment may differ that leave
// no doubt which payment they are about: a notification has the till's transaction
// id, and a status answer without one tells of a payment that a notification tells
// of as well, or of the only one there is.
var decidable = []string{sandbox.RetellDate, sandbox.RetellRequestID, sandbox.RetellAtOnce, sandbox.RetellMore, sandbox.RetellOrder,
	sandbox.RetellCase, sandbox.RetellFewer, sandbox.RetellStatusDate, sandbox.RetellStatusNoTransactionID, sandbox.RetellStatusNoIdentifiers}

// someWays are any number of the decidable ways.
func (c *chaos) someWays() []string {
	ways := []string{}
	for _, way := range decidable {
		if c.chance.float() < 0.4 {
			ways = append(ways, way)
		}
	}
	return ways
}

// troubleTheGateway has it hang, die, and answer and notify in every wrong way
// that a shop must live with. An invoice number used twice would be accepted
// and show in the ledger.
func (c *chaos) troubleTheGateway() {
	answers := []string{sandbox.Answer500, sandbox.Answer503HTML, sandbox.Answer429, sandbox.AnswerDrop, sandbox.AnswerCut,
		sandbox.AnswerLostReply, sandbox.AnswerUnsigned, sandbox.AnswerWrongSignature, sandbox.AnswerOtherInvoice,
		sandbox.AnswerMalformed, sandbox.AnswerMissingFields, sandbox.AnswerReplay, sandbox.AnswerIdempotent}
	notify := []string{"", "", "", sandbox.NotifyTwice, sandbox.NotifyBeforeReply, sandbox.NotifyWrongSignature, sandbox.NotifyUnknownFields,
		sandbox.NotifyAmountString, sandbox.NotifyAmountDecimal, sandbox.NotifyLate}
	for c.sleep(c.chance.between(200*time.Millisecond, 1500*time.Millisecond)) {
		switch roll := c.chance.float(); {
		case roll < 0.10: // dies
			c.gateway.kill()
			c.stops.Add(1)
			pause(c.chance.between(0, time.Second))
			if err := c.gateway.start(); err != nil {
				c.t.Error(err)
				return
			}
		case roll < 0.20: // hangs
			c.gateway.signal(syscall.SIGSTOP)
			c.stops.Add(1)
			pause(c.chance.between(100*time.Millisecond, 3*time.Second))
			c.gateway.signal(syscall.SIGCONT)
		case roll < 0.30: // sends again what it has sent
			for range 3 {
				_ = c.resend(1 + c.chance.n(1+int(c.placed.Load())))
			}
		default:
			_ = c.faults(map[string]any{
				"answer": answers[c.chance.n(len(answers))], "times": 1 + c.chance.n(12), "delay": c.chance.between(0, 300*time.Millisecond).String(),
				"notify": notify[c.chance.n(len(notify))], "retelling": c.someWays(),
				"idempotency": []string{"replay", "error"}[c.chance.n(2)], "duplicate_invoice": "accept", "lag": c.chance.n(4) == 0,
			})
		}
	}
}

func (c *chaos) faults(f map[string]any) error {
	_, err := c.control(http.MethodPut, "/control/faults", f)
	return err
}

// resend has the gateway send a notification again, and reports whether there is
// such a one.
func (c *chaos) resend(delivery int) error {
	_, err := c.control(http.MethodPost, fmt.Sprintf("/control/deliveries/%d/resend", delivery), nil)
	return err
}

// sleep waits and reports whether the storm goes on.
func (c *chaos) sleep(d time.Duration) bool {
	select {
	case <-c.over:
		return false
	case <-time.After(d):
		return true
	}
}

func pause(d time.Duration) { <-time.After(d) }

// clear ends every trouble: the gateway answers as it should, and sends again what
// was not taken, half an hour later on its own clock, and then everything once more.
// Its messages go on to differ in every way that can be decided.
func (c *chaos) clear() {
	c.network.calm.Store(true)
	c.insist("faults cleared", func() error { return c.faults(map[string]any{"retelling": decidable}) })
	c.insist("every order has its code, or is done without", func() error {
		for _, o := range c.orders {
			if s, err := c.status(o.path); err != nil || s.PaymentStatus == "creating" {
				return fmt.Errorf("%s: %+v, %v", o.path, s, err)
			}
		}
		return nil
	})
	c.insist("half an hour passes at the gateway", func() error {
		_, err := c.control(http.MethodPost, "/control/clock", map[string]string{"advance": "31m"})
		return err
	})
	c.insist("every notification that is due has been sent", c.nothingDue)
	for delivery := 1; ; delivery++ {
		err := c.resend(delivery)
		if refused := (refusal{}); errors.As(err, &refused) && refused.status == http.StatusNotFound {
			return // that was the last
		}
		if err != nil {
			c.t.Errorf("send delivery %d again: %v", delivery, err)
		}
	}
}

// nothingDue reports whether the gateway has yet to make an attempt whose time has
// come.
func (c *chaos) nothingDue() error {
	var clock struct{ Now time.Time }
	var told struct{ Deliveries []sandbox.Delivery }
	body, err := c.control(http.MethodGet, "/control/clock", nil)
	if err = errors.Join(err, json.Unmarshal(body, &clock)); err != nil {
		return err
	}
	body, err = c.control(http.MethodGet, "/control/deliveries", nil)
	if err = errors.Join(err, json.Unmarshal(body, &told)); err != nil {
		return err
	}
	for _, d := range told.Deliveries {
		if d.NextAttemptAt != nil && !d.NextAttemptAt.After(clock.Now) {
			return fmt.Errorf("the notification about %s is due", d.InvoiceNumber)
		}
	}
	return nil
}

// awaitTheEnd waits for the shop's own worker to settle every order. An order whose
// money is held waits for a person, and the code of such a payment does too.
func (c *chaos) awaitTheEnd() {
	const heldFor = " FROM receipts JOIN payments ON payments.invoice_number = receipts.invoice_number WHERE receipts.status = 'held'"
	db, open := openSQL(c.t, c.database), c.orders
	c.insist("every order is paid, over or before a person", func() error {
		held := map[string]bool{}
		each(c.t, db, "SELECT token FROM orders WHERE id IN (SELECT payments.order_id"+heldFor+")", func(scan func(...any) error) error {
			var token string
			err := scan(&token)
			held["/orders/"+token] = true
			return err
		})
		var left []*memory
		var last status
		for _, o := range open {
			s, err := c.status(o.path)
			if err != nil {
				return err
			}
			if s.OrderStatus == "awaiting_payment" && !held[o.path] {
				left, last = append(left, o), s
			}
		}
		if open = left; len(left) > 0 {
			return fmt.Errorf("%d orders are not, such as %+v", len(left), last)
		}
		return nil
	})
	// An order may be paid by one code while another's deadline is yet to come.
	c.insist("every code is paid, over or before a person", func() error {
		n := number(c.t, db, "SELECT COUNT(*) FROM payments WHERE state IN ('creating', 'pending') AND id NOT IN (SELECT payments.id"+heldFor+")")
		if n > 0 {
			return fmt.Errorf("%d codes are not", n)
		}
		return nil
	})
}

// insist tries until it works, for as long as the shop's timetable may take.
func (c *chaos) insist(what string, try func() error) {
	c.t.Helper()
	var err error
	for deadline := time.Now().Add(6 * time.Minute); time.Now().Before(deadline); pause(500 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	c.t.Fatalf("waited in vain until %s: %v", what, err)
}

var plain = &http.Client{Timeout: patience}

// control drives the gateway.
func (c *chaos) control(method, path string, body any) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(method, c.gateway.base+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := plain.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = refusal{res.StatusCode, string(answer)}
	}
	return answer, err
}

type refusal struct {
	status int
	body   string
}

func (r refusal) Error() string { return fmt.Sprintf("HTTP %d %s", r.status, r.body) }

func (c *chaos) status(order string) (status, error) {
	var s status
	res, err := plain.Get(c.shop.base + order + "/status")
	if err != nil {
		return s, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return s, refusal{res.StatusCode, res.Status}
	}
	return s, json.NewDecoder(res.Body).Decode(&s)
}

func (c *chaos) readLedger() []sandbox.Account {
	c.t.Helper()
	var told struct{ Ledger []sandbox.Account }
	c.insist("the ledger is told", func() error {
		body, err := c.control(http.MethodGet, "/control/payments", nil)
		return errors.Join(err, json.Unmarshal(body, &told))
	})
	return told.Ledger
}

// checkShoppers: what shoppers were shown is what the books say.
func (c *chaos) checkShoppers(b books) {
	for _, o := range c.orders {
		kept, ok := b.byToken[o.path[len("/orders/"):]]
		switch {
		case !ok:
			c.t.Errorf("a shopper was sent to %s, and there is no such order", o.path)
		case o.paid && kept.status != "paid":
			c.t.Errorf("order %s was shown as paid and is %s", kept.number, kept.status)
		}
	}
}

func (c *chaos) report(ledger []sandbox.Account, b books, took time.Duration) {
	var taken int64
	payments := 0
	for _, a := range ledger {
		for _, p := range a.Payments {
			taken += p.Amount
			payments++
		}
	}
	n := &c.network.fates
	c.t.Logf(`seed %d, %s
  orders        %d placed, %d refused for want of stock; %d paid, %d expired, %d cancelled
  shop          killed %d times
  gateway       killed or stopped %d times; %d codes issued
  notifications %d delivered, %d lost on the way, %d answers lost, %d delayed, %d doubled, %d never let through
  gateway took  Rp %d in %d payments
  shop has      Rp %v in %d receipts (%d by notification, %d by status query)
  cases         %v`,
		c.seed, took.Round(time.Second), c.placed.Load(), c.refused.Load(), b.count("paid"), b.count("expired"), b.count("cancelled"),
		c.kills.Load(), c.stops.Load(), len(ledger),
		n.delivered.Load(), n.lost.Load(), n.answerLost.Load(), n.delayed.Load(), n.doubled.Load(), n.swallowed.Load(),
		taken, payments, b.money(), len(b.receipts), b.source("notification"), b.source("status_query"), b.casesByKind())
}

func (c *chaos) remember(order string) *memory {
	o := &memory{path: order}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.orders = append(c.orders, o)
	return o
}
