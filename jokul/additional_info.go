package jokul

import (
	"cmp"
	"fmt"
	"net/url"
)

// Limits of additional_info. The gateway's pages give none for identifiers;
// these keep a mistake from travelling.
const (
	maxAccountID       = 64
	maxNotificationURL = 2048
	maxIntegrationText = 64
)

// AdditionalInfo is the optional additional_info of a payment code request. Its
// zero value sends nothing. docs/protocol.md section 4.
type AdditionalInfo struct {
	// OverrideNotificationURL has this one payment told elsewhere. Two rules:
	// a Notification URL must be configured at the gateway (say which with
	// WithNotificationURL), and the override may differ from it in the host
	// only, its path being part of what is signed.
	OverrideNotificationURL string

	// AccountID is a sub account, SAC-...: the money lands there.
	AccountID string

	// Settlement splits the money among bank accounts. What the shares leave
	// over is settled to the merchant. Only merchants for whom DOKU has switched
	// split settlement on may send it.
	Settlement []SettlementShare

	// Integration names the program that calls, for DOKU's support.
	Integration Integration
}

// SettlementShare is the part of a payment that goes to one bank account.
type SettlementShare struct {
	BankAccountSettlementID string // SBA-..., from DOKU's Back Office
	Type                    SettlementType

	// Value is a whole percentage from 1 to 100, or whole rupiah from 1 on.
	Value int64
}

// SettlementType says what the Value of a SettlementShare counts.
type SettlementType string

// The two types of a share.
const (
	SettlementPercentage SettlementType = "PERCENTAGE" // of the amount paid
	SettlementFix        SettlementType = "FIX"        // whole rupiah
)

// Integration is who calls: at most 64 characters of printable ASCII each.
type Integration struct {
	Name       string
	Version    string
	CMSVersion string
	ModuleName string
}

func (c *Client) checkAdditionalInfo(a AdditionalInfo, amount int64) error {
	return cmp.Or(
		c.checkOverride(a.OverrideNotificationURL),
		checkText("additional_info.account.id", a.AccountID, 0, maxAccountID),
		checkSettlement(a.Settlement, amount),
		checkText("additional_info.integration.name", a.Integration.Name, 0, maxIntegrationText),
		checkText("additional_info.integration.version", a.Integration.Version, 0, maxIntegrationText),
		checkText("additional_info.integration.cms_version", a.Integration.CMSVersion, 0, maxIntegrationText),
		checkText("additional_info.integration.module-name", a.Integration.ModuleName, 0, maxIntegrationText),
	)
}

func (c *Client) checkOverride(address string) error {
	const field = "additional_info.override_notification_url"
	if address == "" {
		return nil
	}
	if err := checkText(field, address, 1, maxNotificationURL); err != nil {
		return err
	}
	u, err := url.Parse(address)
	switch configured := c.notificationURL; {
	case configured == nil:
		return &FieldError{field, "needs a configured Notification URL: see WithNotificationURL"}
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return &FieldError{field, "must be an http(s) address"}
	case u.Scheme != configured.Scheme || u.EscapedPath() != configured.EscapedPath() || u.RawQuery != configured.RawQuery:
		return &FieldError{field, "may differ from the configured Notification URL in the host only"}
	}
	return nil
}

// checkSettlement checks every share, and that all of them together do not pass
// the amount: percentages count as the gateway would have to round them, up.
func checkSettlement(shares []SettlementShare, amount int64) error {
	const field = "additional_info.settlement"
	var percent, fixed int64
	for i, s := range shares {
		at := fmt.Sprintf("%s[%d]", field, i)
		if err := s.check(at, amount); err != nil {
			return err
		}
		if s.Type == SettlementPercentage {
			percent += s.Value
		} else {
			fixed += s.Value
		}
	}
	switch {
	case percent > 100:
		return &FieldError{field, "must not pass 100 percent in all"}
	case fixed+(amount*percent+99)/100 > amount:
		return &FieldError{field, fmt.Sprintf("must not pass order.amount, %d rupiah, in all", amount)}
	}
	return nil
}

func (s SettlementShare) check(at string, amount int64) error {
	highest := amount
	switch s.Type {
	case SettlementFix:
	case SettlementPercentage:
		highest = 100
	default:
		return &FieldError{at + ".type", "must be PERCENTAGE or FIX"}
	}
	if s.Value < 1 || s.Value > highest {
		return &FieldError{at + ".value", fmt.Sprintf("must be 1 to %d", highest)}
	}
	return checkText(at+".bank_account_settlement_id", s.BankAccountSettlementID, 1, maxAccountID)
}

// wireAdditionalInfo mirrors additional_info of docs/protocol.md section 4.
type wireAdditionalInfo struct {
	OverrideNotificationURL string           `json:"override_notification_url,omitempty"`
	Account                 *wireAccount     `json:"account,omitempty"`
	Settlement              []wireShare      `json:"settlement,omitempty"`
	Integration             *wireIntegration `json:"integration,omitempty"`
}

type wireAccount struct {
	ID string `json:"id"`
}

type wireShare struct {
	BankAccountSettlementID string         `json:"bank_account_settlement_id"`
	Value                   int64          `json:"value"`
	Type                    SettlementType `json:"type"`
}

type wireIntegration struct {
	Name       string `json:"name,omitempty"`
	Version    string `json:"version,omitempty"`
	CMSVersion string `json:"cms_version,omitempty"`
	ModuleName string `json:"module-name,omitempty"` // the one hyphen on the wire
}

// wire is a as it is sent, nil when there is nothing to send.
func (a AdditionalInfo) wire() *wireAdditionalInfo {
	w := &wireAdditionalInfo{OverrideNotificationURL: a.OverrideNotificationURL}
	if a.AccountID != "" {
		w.Account = &wireAccount{a.AccountID}
	}
	for _, s := range a.Settlement {
		w.Settlement = append(w.Settlement, wireShare{s.BankAccountSettlementID, s.Value, s.Type})
	}
	if a.Integration != (Integration{}) {
		i := wireIntegration(a.Integration)
		w.Integration = &i
	}
	if w.OverrideNotificationURL == "" && w.Account == nil && w.Settlement == nil && w.Integration == nil {
		return nil
	}
	return w
}
