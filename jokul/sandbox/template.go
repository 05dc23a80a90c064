package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
)

// placeholder is a JSON string that stands for a value: "{amount}".
var placeholder = regexp.MustCompile(`"\{([a-z_]+)\}"`)

// fill puts values, in their own JSON type, in the place of the placeholders. The
// result is compact, as the journal keeps it: what is sent again after a restart
// has the same digest.
func fill(template []byte, values map[string]any) []byte {
	filled := placeholder.ReplaceAllFunc(template, func(found []byte) []byte {
		value, known := values[string(found[2:len(found)-2])]
		if !known {
			return found
		}
		return marshal(value)
	})
	var compacted bytes.Buffer
	if json.Compact(&compacted, filled) != nil {
		return filled // checkTemplate refuses it
	}
	return compacted.Bytes()
}

// checkTemplate accepts nothing at all, or a JSON object that is still one once
// it is filled in.
func checkTemplate(name string, template json.RawMessage, sample map[string]any) error {
	if len(template) == 0 {
		return nil
	}
	for _, found := range placeholder.FindAllSubmatch(template, -1) {
		if _, known := sample[string(found[1])]; !known {
			return fmt.Errorf("%s: unknown placeholder {%s}", name, found[1])
		}
	}
	var object map[string]any
	if json.Unmarshal(fill(template, sample), &object) != nil || len(object) == 0 {
		return fmt.Errorf("%s must be a JSON object with at least one member", name)
	}
	return nil
}

// withUnknownFields adds members no document mentions to a JSON object.
func withUnknownFields(object []byte) []byte {
	object = bytes.TrimSuffix(bytes.TrimSpace(object), []byte("}"))
	return append(bytes.Clone(object), `,"settlement_batch":{"id":"B-1","items":[1,2.5,null]},"is_test":true}`...)
}
