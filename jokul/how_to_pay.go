package jokul

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Bounds on steps the gateway wrote, so that a page can show them as they come.
const (
	maxInstructions = 20
	maxSteps        = 20
	maxStepLength   = 500
)

// Instruction is the way to pay at one channel in one language.
type Instruction struct {
	Channel  string
	Language string // as the gateway spells it, "ID" or "EN"; empty when it does not say
	Steps    []string
}

// HowToPay fetches the instructions behind PaymentCode.HowToPayAPI. The steps
// are text from outside: escape them. An empty list is no error; have steps of
// your own ready.
//
// The address came in a message, so its host is checked before anything is
// sent: only the client's own base URL and hosts of doku.com under https are
// asked. docs/protocol.md section 5.
func (c *Client) HowToPay(ctx context.Context, address string) ([]Instruction, error) {
	if !c.IsGateway(address) {
		return nil, &Error{Outcome: OutcomeRefused, Err: fmt.Errorf("how-to-pay address %q is not the gateway's", cut(address, maxAddress))}
	}
	ctx, cancel := context.WithTimeout(ctx, MaxCallTime)
	defer cancel()
	return retry(ctx, c, func() ([]Instruction, *Exchange, error) {
		x := &Exchange{Operation: "How to pay", Method: http.MethodGet, URL: address}
		c.send(ctx, x, http.Header{"Accept": {"application/json"}}, nil)
		list, err := readInstructions(x)
		return list, x, err
	})
}

func readInstructions(x *Exchange) ([]Instruction, error) {
	switch {
	case x.Err != nil:
		return nil, untrusted(x, x.Err)
	case x.Status != http.StatusOK:
		return nil, decodeError(x)
	}
	list, err := decodeInstructions(x.ResponseBody)
	if err != nil {
		return nil, untrusted(x, err)
	}
	return list, nil
}

// maxAddress is the longest address that is taken for the gateway's, in bytes.
const maxAddress = 2048

// IsGateway reports whether an address that came in a message is the gateway's own: it is at the client's base URL, or
// at a host of doku.com under https. Link to PaymentCode.HowToPayPage only where it is.
func (c *Client) IsGateway(address string) bool {
	u, err := url.Parse(address)
	if err != nil || len(address) > maxAddress || u.User != nil {
		return false
	}
	if u.Scheme == c.base.Scheme && u.Host == c.base.Host {
		return true
	}
	return u.Scheme == "https" && u.Port() == "" && strings.HasSuffix(u.Hostname(), ".doku.com")
}

func decodeInstructions(body []byte) ([]Instruction, error) {
	var told struct {
		Instructions []struct {
			Channel  loose   `json:"channel"`
			Language loose   `json:"language"`
			Steps    []loose `json:"step"`
		} `json:"payment_instruction"`
	}
	if err := read(body, &told); err != nil {
		return nil, err
	}
	var list []Instruction
	for _, i := range told.Instructions {
		in := Instruction{Channel: string(i.Channel), Language: string(i.Language), Steps: stepsOf(i.Steps)}
		if len(in.Steps) > 0 && len(list) < maxInstructions {
			list = append(list, in)
		}
	}
	return list, nil
}

func stepsOf(told []loose) []string {
	var steps []string
	for _, step := range told {
		if step != "" && len(steps) < maxSteps {
			steps = append(steps, cut(string(step), maxStepLength))
		}
	}
	return steps
}
