# Mostrador. `make run` opens the store on this machine; `make test` proves it.
GO      := .ci/go
BIN     := bin
PLUGINS := $(notdir $(patsubst %/,%,$(wildcard plugins/*/)))
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# One set of flags everywhere, so that the build cache serves every target.
export GOFLAGS := -tags=migrated_fynedo -buildvcs=false
LDFLAGS := -s -w -X main.version=$(VERSION)

# Screens run on the one goroutine of the toolkit, and painting takes ten times as long under the race detector: what
# they stand on is tested with it, their pictures without.
RACED := ./configguide/... ./host/... ./plugins/... ./sdk/... ./gui/model ./gui/ui/... ./gui/shell

.PHONY: run build programs desktop test compat bench soak crash lint generate windows cross clean

run: build ## open the store application with a store embedded; serves headless where there is no display
	@.ci/setup run
	$(BIN)/mostrador-desktop

build: programs desktop ## everything into bin/

programs: ## the store server with its command line, and the plug-ins: static binaries
	@mkdir -p $(BIN)
	CGO_ENABLED=0 $(GO) build -ldflags '$(LDFLAGS)' -o $(BIN)/mostrador ./host/cmd/mostrador
	@for p in $(PLUGINS); do \
		mkdir -p $(BIN)/plugins/$$p && \
		CGO_ENABLED=0 $(GO) build -tags grpcnotrace -ldflags '-s -w' -o $(BIN)/plugins/$$p/$$p ./plugins/$$p && \
		cp -R plugins/$$p/plugin.yaml $(BIN)/plugins/$$p/ && \
		for d in templates locales; do \
			if [ -d plugins/$$p/$$d ]; then rm -rf $(BIN)/plugins/$$p/$$d && cp -R plugins/$$p/$$d $(BIN)/plugins/$$p/; fi; \
		done || exit 1; \
	done

desktop: ## the store application (Fyne)
	@.ci/setup build
	@mkdir -p $(BIN)
	CGO_ENABLED=1 $(GO) build -ldflags '$(LDFLAGS)' -o $(BIN)/mostrador-desktop ./gui

test: ## all tests, with what they need installed first
	@.ci/setup test
	$(MAKE) --no-print-directory build cross compat
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet ./...
	MOSTRADOR_BIN=$(CURDIR)/$(BIN) CGO_ENABLED=1 $(GO) test -race -timeout 20m $(RACED)
	MOSTRADOR_BIN=$(CURDIR)/$(BIN) CGO_ENABLED=1 $(GO) test -timeout 20m ./gui/...

compat: ## the contract with plug-ins breaks nothing that was shipped (the SDK's Go API is a test of its own)
	$(GO) run github.com/bufbuild/buf/cmd/buf@v1.75.0 breaking . --config .buf/buf.yaml --against .buf/plg-1.binpb

bench: programs ## the table of speeds, each a ratio within one run; BENCH_JSON=FILE writes it as JSON too,
# MOSTRADOR_BENCH_CUSTOMERS=N takes so many customers instead of a million
	@MOSTRADOR_BIN=$(CURDIR)/$(BIN) PATH="$(dir $(shell $(GO) env GOROOT)/bin/go):$$PATH" \
		$(GO) run ./host/cmd/bench ./host ./host/message/report ./host/plugin ./gui/model 2>$(BIN)/bench.log || { cat $(BIN)/bench.log; exit 1; }

soak: programs ## an hour of work at the counter, without growth in memory: SOAK=1h
	MOSTRADOR_BIN=$(CURDIR)/$(BIN) $(GO) test ./host -run MemoryDoesNotGrow -v -timeout 0 -soak $(or $(SOAK),1h)

crash: programs ## the crash test, for longer: KILLS=5000
	MOSTRADOR_BIN=$(CURDIR)/$(BIN) $(GO) test ./host -run Killed -v -timeout 0 -kills $(or $(KILLS),5000)

cross: ## everything but the desktop compiles for Windows and for ARM
	CGO_ENABLED=0 GOOS=windows GOARCH=amd64 $(GO) build -o /dev/null ./host/... ./sdk/... ./configguide/... ./plugins/...
	CGO_ENABLED=0 GOOS=linux GOARCH=arm64 $(GO) build -o /dev/null ./host/... ./sdk/... ./configguide/... ./plugins/...

windows: ## the desktop program for Windows (needs gcc-mingw-w64-x86-64)
	@mkdir -p $(BIN)/windows
	GOOS=windows GOARCH=amd64 CGO_ENABLED=1 CC=x86_64-w64-mingw32-gcc \
		$(GO) build -ldflags '$(LDFLAGS) -H windowsgui' -o $(BIN)/windows/mostrador-desktop.exe ./gui

generate: ## Go from the .proto files
	$(GO) run github.com/bufbuild/buf/cmd/buf@v1.75.0 generate . --config .buf/buf.yaml --template .buf/plg.gen.yaml --path sdk/proto/plg
	$(GO) run github.com/bufbuild/buf/cmd/buf@v1.75.0 generate . --config .buf/buf.yaml --template .buf/api.gen.yaml --path host/api/proto/mostrador

lint: ## what the tests do not check
	$(GO) run honnef.co/go/tools/cmd/staticcheck@latest ./...

clean:
	rm -rf $(BIN)
