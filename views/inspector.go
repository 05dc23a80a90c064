package views

import "strconv"

// InspectorView is what really happened to an order, step by step, drawn and
// told.
type InspectorView struct {
	Lang    Lang
	Events  string // where the page hears of more; empty when it cannot
	Watched string // what the script compares to see a change
	Steps   []Step
	Cut     bool // there was more than is shown
}

// T is Lang.T.
func (v InspectorView) T(key string, blanks ...any) string { return v.Lang.T(key, blanks...) }

// Lane is where a step begins or ends.
type Lane int

// The four who take part, from left to right.
const (
	LaneShopper Lane = iota
	LaneShop
	LaneDOKU
	LaneTill
)

// Step is one thing that happened.
type Step struct {
	Number string
	From   Lane
	To     Lane   // the same as From: something the shop did by itself
	Title  string // POST /indomaret-online-to-offline/v2/payment-code
	Label  string // short, for the picture
	Answer string // likewise; empty when there was none to wait for
	Failed bool
	Told   bool // not seen by the shop, but told by DOKU

	At, Took string
	Text     string // what it means, in a sentence
	Signs    []Sign
	Facts    []Fact
	Link     string // the notification's own page, or empty
	Mail     string // address of a mail in a demo's mailbox, or empty

	Request, Response *Message
	Changes           []ChangeLine
	Curl              string
	Source            []Source
}

// Sign is a verdict in a word or two.
type Sign struct {
	Text string
	Good bool
	Bad  bool
}

// Message is one message as it went over the wire, signatures masked.
type Message struct {
	Title   string // Request, Response
	Head    string // POST https://..., HTTP 200
	Headers []Fact

	Pretty, Raw string
	Size        string
	Remark      string // on what is shown of the body, such as that the customer is masked

	Signed []SignedLine // what its signature covers, line by line
	Digest string       // of the body as it is shown
	Check  *Sign        // of the signature
}

// SignedLine is a line of the string that was signed.
type SignedLine struct {
	Text    string
	From    string // where it comes from
	Differs string // why it is thought to differ, or empty
}

// ChangeLine is a change of the database.
type ChangeLine struct{ What, Was, Became string }

// Source is a place in our own code that did it.
type Source struct{ Place, Function string }

// Measures of the picture, in units of its own.
const (
	pictureWidth  = 800
	pictureTop    = 56
	stepHeight    = 46
	answerHeight  = 26
	pictureMargin = 16
)

var lanes = [...]int{LaneShopper: 170, LaneShop: 360, LaneDOKU: 560, LaneTill: 740}

// lane is a lifeline of the picture.
type lane struct {
	Key string
	X   string
}

func pictureLanes() []lane {
	list := []lane{}
	for i, key := range []string{"shopper", "shop", "doku", "till"} {
		list = append(list, lane{key, strconv.Itoa(lanes[i])})
	}
	return list
}

// drawn is a step with its place in the picture.
type drawn struct {
	Step
	Top, Height, Middle string
	Out, Back           arrow
	Self                string // x of what the shop does by itself, or empty
}

type arrow struct {
	X1, X2, Y    string
	Head         string // points of its tip
	TextX, TextY string
}

func (v InspectorView) drawn() []drawn {
	var list []drawn
	y := pictureTop
	for _, s := range v.Steps {
		height := stepHeight
		if s.Answer != "" {
			height += answerHeight
		}
		d := drawn{Step: s, Top: strconv.Itoa(y), Height: strconv.Itoa(height), Middle: strconv.Itoa(y + stepHeight/2 + 4)}
		if s.From == s.To {
			d.Self = strconv.Itoa(lanes[s.From] - 90)
		} else {
			d.Out = arrowAt(lanes[s.From], lanes[s.To], y+stepHeight-12)
			d.Back = arrowAt(lanes[s.To], lanes[s.From], y+stepHeight+answerHeight-12)
		}
		list = append(list, d)
		y += height
	}
	return list
}

func arrowAt(from, to, y int) arrow {
	tip := 9
	if to < from {
		tip = -tip
	}
	at := func(x, y int) string { return strconv.Itoa(x) + "," + strconv.Itoa(y) }
	return arrow{X1: strconv.Itoa(from), X2: strconv.Itoa(to - tip), Y: strconv.Itoa(y),
		Head:  at(to, y) + " " + at(to-tip, y-5) + " " + at(to-tip, y+5),
		TextX: strconv.Itoa((from + to) / 2), TextY: strconv.Itoa(y - 6)}
}

func (v InspectorView) pictureHeight() int {
	height := pictureTop + pictureMargin
	for _, s := range v.Steps {
		height += stepHeight
		if s.Answer != "" {
			height += answerHeight
		}
	}
	return height
}

func (v InspectorView) viewBox() string {
	return "0 0 " + strconv.Itoa(pictureWidth) + " " + strconv.Itoa(v.pictureHeight())
}

func (v InspectorView) lifelineEnd() string { return strconv.Itoa(v.pictureHeight() - pictureMargin/2) }

// Spoken is a step in a sentence, for who does not see the picture.
func (s Step) Spoken() string {
	text := s.Number + ". " + s.At + ", " + s.Label
	if s.Answer != "" {
		text += ": " + s.Answer
	}
	return text
}

func (s Step) class() string {
	switch {
	case s.Failed:
		return "failed"
	case s.Told:
		return "told"
	}
	return "went"
}

func (s Sign) class() string {
	switch {
	case s.Good:
		return "good"
	case s.Bad:
		return "bad"
	}
	return "so"
}
