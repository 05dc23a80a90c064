package handlers

import (
	"cmp"
	"net/http"

	"github.com/labstack/echo/v4"

	"warungjokul/views"
)

const privacyPath = "/privacy"

// Shop is who the shop says it is.
type Shop struct {
	Name      string // on pages, in mails and at the till
	LegalName string // who answers for personal data
	Address   string // or empty
}

// name is the shop's name, that of the demo where there is none.
func (s Shop) displayName() string {
	return cmp.Or(s.Name, views.Page{Lang: views.Indonesian}.ShopName())
}

// showPrivacy says what becomes of shoppers' data.
func (h *Handler) showPrivacy(c echo.Context) error {
	p := h.page(c, lang(c).T("privacy.title"))
	return render(c, http.StatusOK, views.PrivacyNotice(views.NewPrivacy(p, views.Privacy{
		LegalName: cmp.Or(h.Shop.LegalName, h.Shop.displayName()), Address: h.Shop.Address,
		Days: h.PersonalDataDays, Mail: h.Mail != nil,
	})))
}

// privacyNotice is the short word on it at checkout.
func (h *Handler) privacyNotice(l views.Lang) string {
	if h.PersonalDataDays == 0 {
		return l.T("checkout.privacy.0")
	}
	return l.T("checkout.privacy", h.PersonalDataDays)
}
