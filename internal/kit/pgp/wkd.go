package pgp

import (
	"crypto/sha1" //nolint:gosec // the web key directory names files by it; nothing is trusted for it
	"encoding/base32"
	"net/url"
	"strings"

	"github.com/tocsin-csirt/tocsin/internal/kit/errs"
)

// WKDHash names the file of an address in a web key directory: z-base-32 of SHA-1 of the local part in lower case.
func WKDHash(addr string) (string, error) {
	local, _, err := splitAddress(addr)
	if err != nil {
		return "", err
	}
	sum := sha1.Sum([]byte(strings.ToLower(local)))
	return base32.NewEncoding("ybndrfg8ejkmcpqxot1uwisza345h769").EncodeToString(sum[:]), nil
}

// WKDPaths gives the two places where an address's key is published: on the host openpgpkey.DOMAIN, and on DOMAIN itself.
func WKDPaths(addr string) (advanced, direct string, err error) {
	local, domain, err := splitAddress(addr)
	if err != nil {
		return "", "", err
	}
	h, err := WKDHash(addr)
	if err != nil {
		return "", "", err
	}
	tail := "hu/" + h + "?l=" + url.QueryEscape(local)
	return "/.well-known/openpgpkey/" + strings.ToLower(domain) + "/" + tail, "/.well-known/openpgpkey/" + tail, nil
}

func splitAddress(addr string) (local, domain string, err error) {
	i := strings.LastIndexByte(addr, '@')
	if i <= 0 || i == len(addr)-1 {
		return "", "", errs.New(errs.Invalid, "this is not a mail address")
	}
	return addr[:i], addr[i+1:], nil
}
