package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
)

// placeholder is a JSON string that stands for a value: "{amount}".
var placeholder = regexp.MustCompile(`"\{([a-z_]+)\}"`)

// A jsonTemplate is JSON cut up at its placeholders: the texts around the names,
// one more than there are names.
type jsonTemplate struct {
	texts [][]byte
	names []string
}

// newTemplate makes what is filled in compact, as the journal keeps it: what is
// sent again after a restart has the same digest.
func newTemplate(text []byte) jsonTemplate {
	var compacted bytes.Buffer
	if json.Compact(&compacted, text) == nil { // else checkTemplate refuses it
		text = compacted.Bytes()
	}
	var t jsonTemplate
	end := 0
	for _, found := range placeholder.FindAllSubmatchIndex(text, -1) {
		t.texts = append(t.texts, text[end:found[0]])
		t.names = append(t.names, string(text[found[2]:found[3]]))
		end = found[1]
	}
	t.texts = append(t.texts, text[end:])
	return t
}

// fill puts values, in their own JSON type, in the place of the placeholders.
func (t jsonTemplate) fill(values map[string]any) []byte {
	var b bytes.Buffer
	enc := newEncoder(&b)
	for i, name := range t.names {
		b.Write(t.texts[i])
		encode(enc, values[name])
		b.Truncate(b.Len() - len("\n"))
	}
	b.Write(t.texts[len(t.names)])
	return b.Bytes()
}

// checkTemplate accepts nothing at all, or a JSON object that is still one once
// it is filled in.
func checkTemplate(name string, text json.RawMessage, sample map[string]any) error {
	if len(text) == 0 {
		return nil
	}
	template := newTemplate(text)
	for _, wanted := range template.names {
		if _, known := sample[wanted]; !known {
			return fmt.Errorf("%s: unknown placeholder {%s}", name, wanted)
		}
	}
	var object map[string]any
	if json.Unmarshal(template.fill(sample), &object) != nil || len(object) == 0 {
		return fmt.Errorf("%s must be a JSON object with at least one member", name)
	}
	return nil
}

// withUnknownFields adds members no document mentions to a JSON object.
func withUnknownFields(object []byte) []byte {
	object = bytes.TrimSuffix(bytes.TrimSpace(object), []byte("}"))
	return append(bytes.Clone(object), `,"settlement_batch":{"id":"B-1","items":[1,2.5,null]},"is_test":true}`...)
}
