.DEFAULT_GOAL := help

help: ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## build and start the shop with its own sandbox
	./warung

build: ## the shop as it is shipped: make build OUT=warung
	@go build -trimpath -o $(OUT) .
OUT := warung

test: check chromium npm servers promtool ## everything: checks, race detector, whole journeys, a real browser, replicas on PostgreSQL
	go test -race -count=1 -parallel 4 -timeout 60m ./... # e2e builds the program itself, which the test cache cannot see

check: ## formatting, vet, generated files, module file, direction of dependencies
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt would change:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...
	@before=$$(cat views/*_templ.go | sha256sum); go tool templ generate >/dev/null 2>&1; \
	 test "$$before" = "$$(cat views/*_templ.go | sha256sum)" || { echo "views/*_templ.go were stale: make generate, and commit"; exit 1; }
	go mod tidy -diff
	@test "$$(go list -deps ./jokul | grep warungjokul)" = "warungjokul/jokul" || { echo "jokul depends on the shop"; exit 1; }
	@test -z "$$(go list -deps -f '{{if not .Standard}}{{.ImportPath}}{{end}}' ./jokul | grep -v '^warungjokul/jokul$$')" || { echo "jokul depends on more than the standard library"; exit 1; }
	@! go list -f '{{join .Imports "\n"}}' ./handlers/... | grep -E 'gorm|database/sql' || { echo "handlers must not know SQL"; exit 1; }
	@! go list -f '{{join .Imports "\n"}}' ./payments | grep -E 'gorm|database/sql|echo|templ|warungjokul/(handlers|views|static)' || { echo "payments must not know SQL, pages or a web framework"; exit 1; }
	@for room in shop console demo; do ! go list -f '{{join .Imports "\n"}}' ./handlers/$$room | grep -E 'warungjokul/handlers/(shop|console|demo)' || { echo "rooms of handlers know handlers/web and not each other"; exit 1; }; done
	@! grep -nE '[lL]og\.(Debug|Info|Warn|Error)\(' $$(git ls-files 'handlers/**/*.go' 'payments/*.go' 'jokul/*.go' | grep -vE '_test.go|jokul/(cmd|sandbox|conform|examples)/') || { echo "a line of the log says on whose behalf it is written: ...Context(ctx, "; exit 1; }
	@! git grep -nE 'context\.WithValue|\bc\.(Set|Get)\(|^func init\(' -- '*.go' ':!*_test.go' ':!payments/requestid' ':!handlers/web/render.go' || { echo "a context carries a deadline, a cancellation and the request id; pass everything else as an argument, and no init"; exit 1; }
	@go test -run '^TestWords$$' . >/dev/null || { go test -run '^TestWords$$' .; exit 1; }
	@! go list -f '{{join .Imports "\n"}}' ./views | grep -E 'gorm|net/http|warungjokul/(models|jokul|handlers)' || { echo "views must not know a database, a client or HTTP"; exit 1; }

fuzz: ## every fuzzer for a minute each
	for f in $$(grep -ohE '^func Fuzz\w+' jokul/*_test.go | cut -c6-); do \
	 go test ./jokul -run '^$$' -fuzz "^$$f\$$" -fuzztime 60s || exit 1; done

chaos: ## 2,000 orders, 40 kills and every kind of trouble, three times; the books must agree to the rupiah
	for seed in $(SEEDS); do \
	 go test -race ./e2e -run '^TestChaos$$' -count=1 -timeout 60m -v -args -orders 2000 -kills 40 -replicas $(REPLICAS) -seed $$seed || exit 1; done
SEEDS = 1 2 3
REPLICAS = 0# or so many shops behind nginx on one PostgreSQL: make chaos REPLICAS=3

million: ## a year of 1,000,000 orders; shop and console at once; what each page takes
	go test ./e2e -run '^TestMillion$$' -count=1 -timeout 90m -v -args -million 1000000

bench: ## the shop beside the limits of this machine, and several shops; writes docs/performance.md
	go run ./e2e/bench -replicas -write docs/performance.md

flood: ## honest shoppers while one client floods the shop in each way there is; writes docs/evidence.md
	go run ./e2e/bench -flood -write docs/evidence.md

bench-parts: ## what drawing a page, signing beside the bare hashes, a notification, and a code of the sandbox cost
	go test ./views ./jokul/... -run '^$$' -bench .

mutants: ## which changes of the payment code no test would notice: make mutants ONLY=models/order.go
	go run ./e2e/mutate -log mutants.jsonl $(if $(ONLY),-files '$(ONLY)')

TO := warung-$(shell date -u +%Y%m%d-%H%M%S).db
backup: build ## copy the database of a running shop: make backup TO=copy.db
	./warung backup $(TO)
	@echo "copied to $(TO)"

vulnerabilities: ## known ones in what is linked; where the database of them cannot be reached it says so. GOVULNDB=file:///... asks a copy
	@db="$${GOVULNDB:-https://vuln.go.dev}"; case "$$db" in http*) curl -sSfL -o /dev/null --max-time 10 "$$db/index/db.json" 2>/dev/null ;; esac || \
	 { echo "vulnerabilities were not looked for: $$db cannot be reached from here"; exit 0; }; \
	 go run golang.org/x/vuln/cmd/govulncheck@latest -db "$$db" ./...

generate: ## write the Go code of the pages
	go tool templ generate

npm: # what the browser tests bring into pages
	@command -v npm >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	 apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm >/dev/null; } || true
	@npm ci --prefix e2e --ignore-scripts --no-audit --no-fund --silent || echo "npm is not here: the accessibility tests say so"

pictures: chromium ## draw every page in every state into pictures/
	mkdir -p pictures
	go test ./e2e -run '^TestPictures$$' -count=1 -args -pictures $(CURDIR)/pictures

lighthouse: chromium ## Lighthouse's word on the pages that matter, as a phone on a slow line
	npm ci --prefix e2e/lighthouse --ignore-scripts --no-audit --no-fund --silent
	go test ./e2e -run '^TestLighthouse$$' -count=1 -v -args -lighthouse

chromium: # for the browser journeys; where it cannot be had they say so
	@command -v chromium >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	 apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; } || true

servers: # PostgreSQL, nginx and sqlite3, which the tests start by themselves; where they cannot be had they say so
	@{ ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null; } && \
	 { test -x /usr/sbin/nginx || command -v nginx >/dev/null; } && command -v sqlite3 >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	 apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql nginx sqlite3 >/dev/null; } || true

promtool: # tries the alerts out; where it cannot be had they say so
	@command -v promtool >/dev/null || { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && \
	 apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends prometheus >/dev/null; } || true

.PHONY: help run build test check fuzz chaos million bench flood bench-parts mutants backup vulnerabilities generate npm pictures lighthouse chromium servers promtool
