package sandbox

import (
	"encoding/json"
	"net/http"
	"strconv"

	"warungjokul/jokul"
)

// faultBefore is the answer of the faults that strike before anything is looked at.
func faultBefore(fault string) (reply, bool) {
	switch fault {
	case Answer500:
		return bare(http.StatusInternalServerError, `{"message":"INTERNAL SERVER ERROR"}`), true
	case Answer503HTML:
		return bare(http.StatusServiceUnavailable, unavailablePage), true
	case Answer429:
		return bare(http.StatusTooManyRequests, `{"message":["TOO MANY REQUESTS"]}`), true
	case AnswerDrop:
		return bare(0, ""), true
	case AnswerIdempotent:
		return refuse(http.StatusConflict, jokul.CodeIdempotentRequest, "Request-Id has been used before"), true
	}
	return reply{}, false
}

func bare(status int, body string) reply {
	return reply{status: status, body: []byte(body), verdict: "a fault struck before anything was looked at", bare: true}
}

const unavailablePage = `<html>
<head><title>503 Service Temporarily Unavailable</title></head>
<body><center><h1>503 Service Temporarily Unavailable</h1></center></body>
</html>
`

func contentType(fault string) string {
	if fault == Answer503HTML {
		return "text/html"
	}
	return "application/json"
}

const othersOrder = `{"invoice_number":"INV-OF-SOMEBODY-ELSE","amount":10000}`

// spoil returns the body a fault makes of a good answer. It is signed
// afterwards: only what it says is wrong.
func spoil(fault string, rep reply) []byte {
	if rep.status != http.StatusOK && rep.status != http.StatusConflict {
		return rep.body
	}
	switch fault {
	case AnswerMalformed:
		return rep.body[:len(rep.body)-1]
	case AnswerOtherInvoice:
		return edit(rep.body, func([]byte) []byte { return []byte(othersOrder) }, "order")
	case AnswerMissingFields:
		return onlyInvoice(rep.body)
	}
	return rep.body
}

func onlyInvoice(body []byte) []byte {
	var answer struct {
		Order struct {
			InvoiceNumber string `json:"invoice_number"`
		} `json:"order"`
	}
	if json.Unmarshal(body, &answer) != nil || answer.Order.InvoiceNumber == "" {
		return body
	}
	return marshal(answer)
}

// cutShort promises the whole answer, sends half of it and closes the connection.
func cutShort(w http.ResponseWriter, rep reply) {
	w.Header().Set("Content-Length", strconv.Itoa(len(rep.body)))
	w.WriteHeader(rep.status)
	_, _ = w.Write(rep.body[:len(rep.body)/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}
