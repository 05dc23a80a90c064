package servers

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// StartNginx starts it in a folder, in front of shops at these addresses, as the
// page docs/operate.md says but without TLS, and returns once it serves.
func StartNginx(dir, page, listen string, shops []string) (*Server, error) {
	block, err := configuration(page, listen, shops)
	if err != nil {
		return nil, err
	}
	return RunNginx(dir, block, listen)
}

// RunNginx starts it in a folder with what stands in the http block of its configuration,
// and returns once the shop behind it is ready.
func RunNginx(dir, block, listen string) (*Server, error) {
	program, err := Find("nginx", "nginx")
	if err != nil {
		return nil, err
	}
	conf := fmt.Sprintf("worker_processes 2;\npid %s/pid;\nerror_log stderr warn;\n%sevents { worker_connections 1024; }\nhttp {\naccess_log off;\n",
		dir, map[bool]string{true: "user root;\n"}[os.Geteuid() == 0])
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		conf += fmt.Sprintf("%s_temp_path %s/%s;\n", kind, dir, kind)
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf+block+"}\n"), 0o600); err != nil {
		return nil, err
	}
	nginx, err := Start(nil, program, "-p", dir, "-e", "stderr", "-c", file, "-g", "daemon off;")
	if err != nil {
		return nil, err
	}
	if err := nginx.Await("http://" + listen + "/readyz"); err != nil {
		nginx.Stop()
		return nil, err
	}
	return nginx, nil
}

// configuration is the one of the page, with addresses of this machine.
func configuration(page, listen string, shops []string) (string, error) {
	text, err := os.ReadFile(page)
	if err != nil {
		return "", err
	}
	_, block, _ := strings.Cut(string(text), "```nginx\n")
	block, _, found := strings.Cut(block, "```")
	var servers string
	for _, shop := range shops {
		servers += "server " + shop + " fail_timeout=1s;\n"
	}
	first := strings.Index(block, "server 10.")
	last := strings.Index(block, "keepalive 0;")
	if !found || first < 0 || last < first || !strings.Contains(block, "listen 443 ssl;") {
		return "", errors.New(page + " has no configuration for nginx that can be tried here")
	}
	block = block[:first] + servers + block[last:]
	block = regexp.MustCompile(`(?m)^ *(ssl_|server_name|keepalive 0).*\n`).ReplaceAllString(block, "")
	return strings.Replace(block, "listen 443 ssl;", "listen "+listen+";", 1), nil
}
