package console

import (
	"time"

	"warungjokul/models"
	"warungjokul/payments"
	"warungjokul/views"
)

// because lists what a cause changed.
func (s *timelineBuilder) because(c models.Actor) []views.ChangeLine {
	var list []models.AuditEvent
	for _, change := range s.changes {
		if change.Actor == c {
			list = append(list, change)
		}
	}
	return changeLines(s.lang, list)
}

func changeLines(l views.Lang, list []models.AuditEvent) []views.ChangeLine {
	var lines []views.ChangeLine
	for _, c := range list {
		line := views.ChangeLine{What: l.T("inspect.change." + string(c.Kind)), Was: changeValue(l, c.Kind, c.Was), Became: changeValue(l, c.Kind, c.Became)}
		switch c.Kind {
		case models.AuditPayment, models.AuditStock, models.AuditCase:
			line.What = l.T("inspect.change."+string(c.Kind), changeSubject(l, c))
		case models.AuditCustomer:
			line.What = l.T("inspect.change.customer." + c.Subject)
		}
		lines = append(lines, line)
	}
	return lines
}

// titles say where it was done.
var titles = map[models.ActorKind]string{models.ActorShop: "worker", models.ActorShopper: "/orders/:token", models.ActorStaff: "/console"}

// together is how far apart the rows of one doing may lie.
const together = time.Second

// tellDoings tells what people did, and the shop by itself: each run of changes
// they caused.
func (s *timelineBuilder) addChanges() {
	placed := false
	for i := 0; i < len(s.changes); {
		first, end := s.changes[i], i+1
		for end < len(s.changes) && s.changes[end].Actor == first.Actor && s.changes[end].At.Sub(first.At) < together {
			end++
		}
		run := s.changes[i:end]
		i = end
		if first.Actor.ID != 0 { // told with the message that caused it
			continue
		}
		step := views.Step{From: views.LaneShop, To: views.LaneShop, Changes: changeLines(s.lang, run),
			Title: titles[first.Actor.By], Label: s.lang.T("inspect.by." + string(first.Actor.By)), Text: s.lang.T("inspect.by." + string(first.Actor.By) + ".text")}
		switch {
		case first.Kind == models.AuditOrder && first.Was == "":
			placed = true
			step = s.placing(step)
		case first.Actor.By == models.ActorShopper && last(run).Kind == models.AuditPayment && last(run).Was == "":
			step.From, step.Title, step.Answer = views.LaneShopper, "POST /orders/:token/payments", "303"
			step.Label, step.Text = s.lang.T("inspect.newcode"), s.lang.T("inspect.newcode.text")
			step.Source = sources((*payments.Service).NewCode, (*models.Store).AddPayment)
		case first.Kind == models.AuditCustomer:
			step.From, step.Title, step.Answer = views.LaneShopper, "POST /checkout", "303"
			step.Label, step.Text = s.lang.T("inspect.corrected"), s.lang.T("inspect.corrected.text")
			step.Source = sources((*models.Store).CorrectCustomer)
		case first.Actor.By == models.ActorShop:
			step.Source = sources((*payments.Service).RunOnce)
		}
		s.add(first.At, step)
	}
	if !placed { // before there were records of changes, or they were forgotten
		s.add(s.order.PlacedAt, s.placing(views.Step{To: views.LaneShop}))
	}
}

func last(list []models.AuditEvent) models.AuditEvent { return list[len(list)-1] }

func (s *timelineBuilder) placing(step views.Step) views.Step {
	step.From, step.Title, step.Answer = views.LaneShopper, "POST /checkout", "303"
	step.Label, step.Text = s.lang.T("inspect.placed"), s.lang.T("inspect.placed.text")
	step.Source = sources((*payments.Service).PlaceOrder, (*models.Store).PlaceOrder)
	return step
}
