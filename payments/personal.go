package payments

import (
	"encoding/json"
	"regexp"
	"strings"

	"warungjokul/models"
)

// Error texts of gateways and mail servers quote what they refuse, customers too.
// Records and log lines do without.

// WithoutPerson returns a text without a customer's name, email and phone number,
// and without any email address.
func WithoutPerson(text string, c models.Customer) string {
	text = emailAddress.ReplaceAllString(text, stars)
	for _, detail := range []string{c.Email, c.Name, TillName(c.Name), c.Phone, bareDigits.Replace(c.Phone)} {
		if detail != "" && detail != TillName("") {
			text = regexp.MustCompile("(?i)"+regexp.QuoteMeta(detail)).ReplaceAllString(text, stars)
		}
	}
	return text
}

// ErrorText returns the text of an error without the customer of the order that it
// is about. o may be nil.
func ErrorText(err error, o *models.Order) string {
	var c models.Customer
	if o != nil {
		c = o.Customer()
	}
	return WithoutPerson(err.Error(), c)
}

const stars = "***"

var (
	emailAddress = regexp.MustCompile(`[^\s<>"'\\,;:()\[\]{}=]+@[^\s<>"'\\,;()\[\]{}=]+`)
	bareDigits   = strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "")
)

// customerIn returns the customer that a request for a payment code names.
func customerIn(body []byte) models.Customer {
	var request struct{ Customer struct{ Name, Email string } }
	_ = json.Unmarshal(body, &request) // what cannot be read names nobody
	c := request.Customer
	return models.Customer{Name: strings.TrimSpace(c.Name), Email: strings.TrimSpace(c.Email)}
}
