// A small web application behind Coraza's own net/http middleware with the
// OWASP Core Rule Set: what writes the audit records the tests read.
//
// usage: coraza-app [-serial FILE | -url URL] [-engine On|DetectionOnly]
// [-parts ABIJDEFHKZ] [-format JSON|OCSF] [-directives TEXT]
//
// It listens on a free port of 127.0.0.1, prints "listening ADDRESS" and ends
// when its standard input is closed.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	coreruleset "github.com/corazawaf/coraza-coreruleset/v4"
	"github.com/corazawaf/coraza/v3"
	corazahttp "github.com/corazawaf/coraza/v3/http"
)

func main() {
	serial := flag.String("serial", "", "file the audit records are appended to")
	url := flag.String("url", "", "address the audit records are sent to")
	engine := flag.String("engine", "On", "SecRuleEngine")
	parts := flag.String("parts", "ABFHKZ", "SecAuditLogParts")
	format := flag.String("format", "JSON", "SecAuditLogFormat")
	relevant := flag.String("audit", "RelevantOnly", "SecAuditEngine")
	more := flag.String("directives", "", "directives after the rule set")
	flag.Parse()

	kind, target := "Serial", *serial
	if *url != "" {
		kind, target = "HTTPS", *url
	}
	directives := fmt.Sprintf(`
Include @coraza.conf-recommended
SecRuleEngine %s
SecResponseBodyAccess Off
SecAuditEngine %s
SecAuditLogRelevantStatus "^(?:5|40[0-35-9]|4[1-9])"
SecAuditLogParts %s
SecAuditLogFormat %s
SecAuditLogType %s
SecAuditLog %s
Include @crs-setup.conf.example
Include @owasp_crs/*.conf
%s
`, *engine, *relevant, *parts, *format, kind, target, *more)

	waf, err := coraza.NewWAF(coraza.NewWAFConfig().
		WithRootFS(coreruleset.FS).
		WithDirectives(directives))
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening %s\n", listener.Addr())
	go func() {
		log.Fatal(http.Serve(listener, corazahttp.WrapHandler(waf, application())))
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// application answers "ok", and as an application does by itself at a few
// paths: its own 403, 404 and 500 are no work of the firewall.
func application() http.Handler {
	app := http.NewServeMux()
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	app.HandleFunc("/", answer(http.StatusOK, "ok\n"))
	app.HandleFunc("/static/nothing-here", answer(http.StatusNotFound, "no\n"))
	app.HandleFunc("/err", answer(http.StatusInternalServerError, "boom\n"))
	app.HandleFunc("/forbidden", answer(http.StatusForbidden, "app says no\n"))
	return app
}
