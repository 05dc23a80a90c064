package shop

import (
	"cmp"
	"net/http"

	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/views"
)

// showPrivacy says what becomes of shoppers' data.
func (h *Handler) showPrivacy(c echo.Context) error {
	p := h.Page(c, web.Lang(c).T("privacy.title"))
	return web.Render(c, http.StatusOK, views.PrivacyNotice(views.NewPrivacy(p, views.Privacy{
		LegalName: cmp.Or(h.Shop.LegalName, h.Shop.DisplayName()), Address: h.Shop.Address,
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
