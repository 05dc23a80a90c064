package sandbox

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// controlError is every error answer of the control API.
type controlError struct {
	Error string `json:"error"`
}

// A refusal is a request that the control API turns down, with its status.
type refusal struct {
	status int
	error
}

func badRequest(err error) error { return refusal{http.StatusBadRequest, err} }

// A controlHandler returns what to encode, or why not.
type controlHandler func(w http.ResponseWriter, r *http.Request) (any, error)

func (s *Server) controlRoutes() http.Handler {
	mux := http.NewServeMux()
	for path, methods := range map[string]map[string]controlHandler{
		"/control/payments":               {"GET": s.controlLedger, "POST": s.controlPay},
		"/control/faults":                 {"GET": s.controlFaults, "PUT": s.controlSetFaults, "DELETE": s.controlClearFaults},
		"/control/clock":                  {"GET": s.controlClock, "POST": s.controlAdvance},
		"/control/deliveries":             {"GET": s.controlDeliveries},
		"/control/erase":                  {"POST": s.controlErase},
		"/control/deliveries/{id}/resend": {"POST": s.controlResend},
		"/control/requests":               {"GET": s.controlRequests},
	} {
		mux.HandleFunc(path, byMethod(methods))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusNotFound, controlError{"no such address: " + r.URL.Path})
	})
	return mux
}

// withControlKey answers 401 to whoever does not bring the control key, where there is one.
func (s *Server) withControlKey(next http.Handler) http.Handler {
	if s.cfg.ControlKey == "" {
		return next
	}
	want := []byte("Bearer " + s.cfg.ControlKey)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare(want, []byte(r.Header.Get("Authorization"))) == 0 {
			w.Header().Set("WWW-Authenticate", "Bearer")
			writeJSON(w, http.StatusUnauthorized, controlError{"the control API of this gateway wants its key: Authorization: Bearer KEY"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// byMethod picks the handler of a method and writes what it gives.
func byMethod(methods map[string]controlHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		method := r.Method
		if method == http.MethodHead {
			method = http.MethodGet
		}
		handle, known := methods[method]
		if !known {
			for _, name := range slices.Sorted(maps.Keys(methods)) {
				w.Header().Add("Allow", allowed(name))
			}
			writeJSON(w, http.StatusMethodNotAllowed, controlError{r.Method + " is not possible here"})
			return
		}
		answer, err := handle(w, r)
		if err != nil {
			writeJSON(w, controlStatus(err), controlError{err.Error()})
			return
		}
		writeJSON(w, http.StatusOK, answer)
	}
}

// controlStatus turns an error into an HTTP status.
func controlStatus(err error) int {
	var r refusal
	switch {
	case errors.As(err, &r):
		return r.status
	case errors.Is(err, ErrUnknownCode), errors.Is(err, ErrUnknownDelivery):
		return http.StatusNotFound
	case errors.Is(err, ErrExpired), errors.Is(err, ErrAlreadyPaid), errors.Is(err, ErrPaidOften), errors.Is(err, ErrBeingSent):
		return http.StatusConflict
	case errors.Is(err, ErrUnknownAction):
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}

// readControl reads a JSON body into v. Nothing else is taken: a form of a
// foreign page cannot say that it is JSON.
func readControl(w http.ResponseWriter, r *http.Request, v any) error {
	if given := r.Header.Get("Content-Type"); given != "" {
		if media, _, err := mime.ParseMediaType(given); err != nil || media != "application/json" {
			return refusal{http.StatusUnsupportedMediaType, errors.New("Content-Type must be application/json")}
		}
	}
	err := decodeStrict(http.MaxBytesReader(w, r.Body, maxBody), v)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return refusal{http.StatusRequestEntityTooLarge, fmt.Errorf("the body may be at most %d bytes", maxBody)}
	case err != nil:
		return badRequest(err)
	}
	return nil
}

func (s *Server) controlPay(w http.ResponseWriter, r *http.Request) (any, error) {
	var asked struct {
		PaymentCode   string `json:"payment_code"`
		InvoiceNumber string `json:"invoice_number"`
		Action        Action `json:"action"`
		Notify        string `json:"notify"` // none or late: for this action, instead of the fault of that name
	}
	if err := readControl(w, r, &asked); err != nil {
		return nil, err
	}
	code := strings.ReplaceAll(asked.PaymentCode, " ", "")
	switch {
	case (code == "") == (asked.InvoiceNumber == ""):
		return nil, badRequest(errors.New("give either payment_code or invoice_number"))
	case !slices.Contains(actions, asked.Action):
		return nil, ErrUnknownAction
	case !slices.Contains([]string{"", NotifyNone, NotifyLate}, asked.Notify):
		return nil, badRequest(errors.New("notify must be none or late"))
	case code == "":
		s.mu.Lock()
		p, _, err := s.find(s.state.byInvoice, asked.InvoiceNumber)
		s.mu.Unlock()
		if err != nil {
			return nil, err
		}
		code = p.Code
	}
	return s.perform(r.Context(), code, asked.Action, asked.Notify)
}

func (s *Server) controlLedger(http.ResponseWriter, *http.Request) (any, error) {
	ledger, err := s.Ledger()
	return map[string][]Account{"ledger": ledger}, err
}

func (s *Server) controlFaults(http.ResponseWriter, *http.Request) (any, error) {
	return s.Faults(), nil
}

func (s *Server) controlSetFaults(w http.ResponseWriter, r *http.Request) (any, error) {
	f := DefaultFaults()
	if err := readControl(w, r, &f); err != nil {
		return nil, err
	}
	if err := f.check(); err != nil {
		return nil, badRequest(err)
	}
	return f, s.SetFaults(f)
}

func (s *Server) controlClearFaults(http.ResponseWriter, *http.Request) (any, error) {
	f := DefaultFaults()
	return f, s.SetFaults(f)
}

// clockAnswer tells both clocks; Offset is how far ours is ahead.
type clockAnswer struct {
	Now    time.Time `json:"now"`
	Wall   time.Time `json:"wall"`
	Offset Duration  `json:"offset"`
}

func (s *Server) controlClock(http.ResponseWriter, *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return clockAnswer{Now: s.now(), Wall: s.cfg.Now().UTC(), Offset: s.state.offset}, nil
}

func (s *Server) controlAdvance(w http.ResponseWriter, r *http.Request) (any, error) {
	var asked struct {
		Advance *Duration `json:"advance"`
	}
	if err := readControl(w, r, &asked); err != nil {
		return nil, err
	}
	if asked.Advance == nil {
		return nil, badRequest(errors.New(`advance is required, for example {"advance":"1h30m"}`))
	}
	if _, err := s.Advance(time.Duration(*asked.Advance)); err != nil {
		return nil, badRequest(err)
	}
	return s.controlClock(w, r)
}

func (s *Server) controlDeliveries(_ http.ResponseWriter, r *http.Request) (any, error) {
	return map[string][]Delivery{"deliveries": s.Deliveries(r.URL.Query().Get("invoice_number"))}, nil
}

func (s *Server) controlResend(_ http.ResponseWriter, r *http.Request) (any, error) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		return nil, ErrUnknownDelivery
	}
	return s.Resend(r.Context(), id)
}

func (s *Server) controlRequests(http.ResponseWriter, *http.Request) (any, error) {
	return map[string][]Request{"requests": s.Requests()}, nil
}
