package shop

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"time"

	"github.com/labstack/echo/v4"

	"warungjokul/handlers/web"
	"warungjokul/payments/requestid"
)

// BrowserCookie holds a random name for the browser. It is set with the first cart, and stays when that is empty.
const BrowserCookie = "browser"

// FormAge is for how long a checkout form places an order: a form that was left open overnight still does.
const FormAge = 24 * time.Hour

// forms issues the IDs of checkout forms: a name that begins with its time, and a code that only this shop can make
// of the name and the browser it is for. Every replica reads what another has issued, and none has to keep it.
type forms struct{ key []byte }

// CodeLength is how many characters of the code an ID ends with: 130 bits.
const CodeLength = 26

func (f forms) issue(browser, name string) string { return name + f.code(browser, name) }

// read returns the name that was issued to a browser and when that was, or nothing.
func (f forms) read(browser, id string) (name string, issued time.Time) {
	split := len(id) - CodeLength
	if split < 0 || !hmac.Equal([]byte(id[split:]), []byte(f.code(browser, id[:split]))) {
		return "", time.Time{}
	}
	return id[:split], requestid.Time(id[:split])
}

func (f forms) code(browser, name string) string {
	mac := hmac.New(sha256.New, f.key)
	fmt.Fprintf(mac, "%q %q", browser, name)
	return base32.StdEncoding.EncodeToString(mac.Sum(nil))[:CodeLength]
}

// browser returns the name of the browser that asks, if it has one.
func (h *Handler) browser(c echo.Context) (name string, ok bool) {
	cookie, err := c.Cookie(BrowserCookie)
	if err != nil {
		return "", false
	}
	return name, h.Cookies.Decode(BrowserCookie, cookie.Value, &name) == nil
}

// ensureBrowser returns the name of the browser that asks, and gives it one where it has
// none.
func (h *Handler) ensureBrowser(c echo.Context) (string, error) {
	if name, ok := h.browser(c); ok {
		return name, nil
	}
	name := rand.Text()
	value, err := h.Cookies.Encode(BrowserCookie, name)
	if err != nil {
		return "", fmt.Errorf("name browser: %w", err)
	}
	h.SetCookie(c, BrowserCookie, value, int(web.CartAge/time.Second))
	return name, nil
}
