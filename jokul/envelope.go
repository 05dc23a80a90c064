package jokul

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// gatewayErrorType is the error.type of every complete envelope that has been met.
const gatewayErrorType = "invalid_request_error"

// invalidJSON is the one message about a whole body; the others begin with a field.
const invalidJSON = "Invalid JSON Format"

// noRoute begins the message of the API host about a path that it does not have.
const noRoute = "No static resource "

// isGatewayError reports whether a 4xx has one of the gateway's own envelopes, each with
// the HTTP status it goes with (docs/protocol.md section 6). Proxies and firewalls answer
// in JSON, too, mostly {"message":"Forbidden"}, and know nothing of the codes that exist.
func isGatewayError(httpStatus int, body []byte) bool {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return false
	}
	var inner map[string]json.RawMessage
	if json.Unmarshal(members["error"], &inner) == nil && inner != nil {
		code, message, kind := text(inner["code"]), text(inner["message"]), text(inner["type"])
		switch {
		case isGatewayCode(code), code != "" && message != "" && kind == gatewayErrorType:
			return true
		case len(members) == 1 && len(inner) == 1 && httpStatus == http.StatusBadRequest:
			return message == invalidJSON || namesField(message)
		}
		return false
	}
	if len(members) != 1 {
		return false
	}
	switch httpStatus {
	case http.StatusBadRequest:
		return isTexts(members["message"]) || isTexts(members["error_messages"])
	case http.StatusNotFound:
		return strings.HasPrefix(text(members["message"]), noRoute)
	}
	return false
}

// isGatewayCode reports whether code has been met as the gateway's, or is the sandbox's
// own: such a code is unlikely enough in anybody else's answer to count by itself.
func isGatewayCode(code string) bool {
	switch code {
	case CodeInvalidHeader, CodeTimeOutOfRange, CodeInvalidClientID, CodeInvalidSignature,
		CodeIdempotentRequest, CodeDuplicateInvoice, CodeTransactionNotFound:
		return true
	}
	return false
}

// text is a JSON string, or empty where it is anything else.
func text(value json.RawMessage) (s string) {
	if json.Unmarshal(value, &s) != nil {
		return ""
	}
	return s
}

// isTexts reports whether value is a list of one text or more, none of them empty.
func isTexts(value json.RawMessage) bool {
	var list []string
	return json.Unmarshal(value, &list) == nil && len(list) > 0 && !slices.Contains(list, "")
}

// namesField reports whether a message begins with a field of a create request, such as
// customer.email.
func namesField(message string) bool {
	field, _, _ := strings.Cut(message, " ")
	member, _, _ := strings.Cut(field, ".")
	switch member {
	case "order", "online_to_offline_info", "customer", "indomaret_info", "additional_info":
		return true
	}
	return false
}
