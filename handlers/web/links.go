package web

import "net/url"

// Addresses that more than one room, or the middleware, has to know.
const (
	CatalogueRoute = "/"
	ProductRoute   = "/products/:slug"
	StaticRoute    = "/static/*"
	PrivacyPath    = "/privacy"
	ConsolePath    = "/console"
	LoginPath      = ConsolePath + "/login"
	OrdersPath     = ConsolePath + "/orders"
	OrdersCSV      = ConsolePath + "/orders.csv"
)

// ProductURL is where a product's page is.
func ProductURL(slug string) string { return "/products/" + url.PathEscape(slug) }

// OrderPath is where an order's page is. Its token is the key to it.
func OrderPath(token string) string { return "/orders/" + token }

// ConsoleOrder is where the console shows an order: by its number. Its token,
// which is the shopper's, is on no page there.
func ConsoleOrder(number string) string { return OrdersPath + "/" + number }

// InspectorPath is where an order's inspector is, on its page in the console.
func InspectorPath(number string) string { return ConsoleOrder(number) + "#inspector" }
