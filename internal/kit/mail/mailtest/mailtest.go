// Package mailtest runs the mail programs of others for tests, each in a folder of its own, on loopback, until the test ends.
//
//   - [NewPostfix] is a mail server that faces the world and hands on by LMTP.
//   - [NewDovecot] is a server with a mailbox, by IMAP.
//   - [Swaks] is somebody who sends.
//
// What is not installed is "NOT RUN": skipped, and a failure when TOCSIN_REQUIRE_ALL=1.
package mailtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Need finds a program, or ends the test as not run.
func Need(t testing.TB, name string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/lib/postfix/sbin", "/usr/libexec/postfix") {
		file := filepath.Join(dir, name)
		if st, err := os.Stat(file); err == nil && !st.IsDir() && st.Mode()&0o111 != 0 {
			return file
		}
	}
	NotRun(t, name+" is missing")
	return ""
}

// NotRun skips the test with a reason, or fails it when everything is required.
func NotRun(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("TOCSIN_REQUIRE_ALL") == "1" {
		t.Fatal("NOT RUN: " + why + " and TOCSIN_REQUIRE_ALL=1")
	}
	t.Skip("NOT RUN: " + why)
}

// Folder is one that other users may enter and that is short enough for sockets.
func Folder(t testing.TB, name string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t testing.TB, file, text string, mode os.FileMode) string {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, mode); err != nil {
		t.Fatal(err)
	}
	return file
}

// FreePort gives an address of this machine on which nobody listens, below the ports that outgoing connections take.
func FreePort(t testing.TB) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(12000+mathrand.IntN(20000)))
		if err != nil {
			continue
		}
		defer l.Close()
		return l.Addr().String()
	}
	t.Fatal("no port is free")
	return ""
}

// Certificate writes one for 127.0.0.1 and localhost that signs itself, and its key.
func Certificate(t testing.TB, dir string) (cert, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	shape := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, shape, shape, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	cert = write(t, filepath.Join(dir, "tls.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), 0o644)
	key = write(t, filepath.Join(dir, "tls.key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})), 0o600)
	return cert, key
}

// daemon starts a program with a process group of its own and waits until it answers on the address.
func daemon(t testing.TB, addr string, cmd *exec.Cmd, log func() string) (end func()) {
	t.Helper()
	out, err := os.CreateTemp("", "said") // a file, no pipe: a child that holds it open keeps nobody waiting
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(out.Close(), os.Remove(out.Name())) })
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() { _ = cmd.Wait(); close(gone) }()
	end = sync.OnceFunc(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-gone:
		case <-time.After(time.Second): // a test has nothing to save
		}
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // none is left, as a rule
		<-gone
	})
	t.Cleanup(func() {
		end()
		if t.Failed() {
			t.Logf("%s said:\n%s\n%s", cmd.Path, read(out.Name()), log())
		}
	})
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.After(30 * time.Second)
	for {
		if c, err := net.Dial("tcp", addr); err == nil {
			_ = c.Close()
			return end
		}
		select {
		case <-tick.C:
		case <-gone:
			t.Fatalf("%s ended:\n%s\n%s", cmd.Path, read(out.Name()), log())
		case <-late:
			t.Fatalf("%s does not answer on %s:\n%s\n%s", cmd.Path, addr, read(out.Name()), log())
		}
	}
}

// Swaks sends a mail with swaks and gives its transcript. A refusal is an error.
func Swaks(t testing.TB, addr string, args ...string) (string, error) {
	t.Helper()
	out, err := exec.Command(Need(t, "swaks"), append([]string{"--server", addr, "--ehlo", "client.example", "--timeout", "20"}, args...)...).CombinedOutput()
	return string(out), err
}

func read(file string) string {
	b, _ := os.ReadFile(file) // absent: nothing to say
	return string(b)
}

func lines(words ...string) string { return strings.Join(words, "\n") + "\n" }
