package handlers

import (
	"encoding/json"
	"regexp"
	"strings"

	"warungjokul/models"
)

// emailAddress is what looks like an email address, wherever it stands.
var emailAddress = regexp.MustCompile(`[^\s<>"'\\,;:()\[\]{}=]+@[^\s<>"'\\,;()\[\]{}=]+`)

// withoutPerson is a text without a customer's name, email and phone number, and without any email address: mail
// servers and gateways quote what they refuse.
func withoutPerson(text string, c models.Customer) string {
	text = emailAddress.ReplaceAllString(text, "***")
	for _, detail := range []string{c.Email, c.Name, tillName(c.Name), c.Phone, decoration.Replace(c.Phone)} {
		if detail != "" && detail != tillName("") {
			text = regexp.MustCompile("(?i)"+regexp.QuoteMeta(detail)).ReplaceAllString(text, "***")
		}
	}
	return text
}

// errorText is an error's text for the log and the records, without the customer of the order it is about.
func errorText(err error, o *models.Order) string {
	var c models.Customer
	if o != nil {
		c = o.Customer()
	}
	return withoutPerson(err.Error(), c)
}

// customerIn is who a request for a payment code names.
func customerIn(body []byte) models.Customer {
	var request struct{ Customer struct{ Name, Email string } }
	_ = json.Unmarshal(body, &request) // what cannot be read names nobody
	c := request.Customer
	return models.Customer{Name: strings.TrimSpace(c.Name), Email: strings.TrimSpace(c.Email)}
}
