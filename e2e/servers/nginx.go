package servers

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// StartNginx starts it in a folder, in front of shops at these addresses, as the
// page docs/operate.md says but without TLS, and returns once it serves. Its logs
// are in the folder.
func StartNginx(dir, page, listen string, shops []string) (*Server, error) {
	return startNginx(dir, page, "http://"+listen, shops)
}

// StartNginxTLS is StartNginx with TLS, by a certificate of its own that nobody
// knows.
func StartNginxTLS(dir, page, listen string, shops []string) (*Server, error) {
	if err := writeCertificate(filepath.Join(dir, "shop.pem"), filepath.Join(dir, "shop.key")); err != nil {
		return nil, err
	}
	return startNginx(dir, page, "https://"+listen, shops)
}

func startNginx(dir, page, base string, shops []string) (*Server, error) {
	block, err := configuration(dir, page, base, shops)
	if err != nil {
		return nil, err
	}
	return RunNginx(dir, block, base)
}

// RunNginx starts it in a folder with what stands in the http block of its
// configuration, and returns once the shop behind it is ready at base.
func RunNginx(dir, block, base string) (*Server, error) {
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
	if err := nginx.Await(base + "/readyz"); err != nil {
		nginx.Stop()
		return nil, err
	}
	return nginx, nil
}

// configuration is the one of the page, with addresses and folders of this
// machine.
func configuration(dir, page, base string, shops []string) (string, error) {
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
	const listens = "listen 443 ssl http2;"
	first := strings.Index(block, "server 10.")
	last := first + strings.Index(block[max(first, 0):], "}")
	if !found || first < 0 || last < first || !strings.Contains(block, listens) {
		return "", errors.New(page + " has no configuration for nginx that can be tried here")
	}
	block = block[:first] + servers + block[last:]
	block = regexp.MustCompile(`(?m)^ *server_name.*\n`).ReplaceAllString(block, "")
	block = strings.NewReplacer("/var/log/nginx/", dir+"/", "/etc/ssl/", dir+"/").Replace(block)
	addr, plain := strings.CutPrefix(base, "http://")
	if plain {
		block = regexp.MustCompile(`(?m)^ *ssl_.*\n`).ReplaceAllString(block, "")
		return strings.Replace(block, listens, "listen "+addr+";", 1), nil
	}
	return strings.Replace(block, "listen 443", "listen "+strings.TrimPrefix(base, "https://"), 1), nil
}

// writeCertificate makes a certificate for this machine, signed by itself.
func writeCertificate(certFile, keyFile string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().AddDate(0, 0, 1),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o600),
		os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
}
