package sandbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// validity is how long before and after the sandbox's clock its certificates hold. A test's clock may stand still years
// away from the clock of the client that looks at them, and there is nothing here to protect.
const validity = 20 * 365 * 24 * time.Hour

// certify makes an authority and a certificate it signs for the hosts, and returns the authority's certificate in PEM. The
// authority's key is forgotten.
func certify(now time.Time, hosts []string) (certificate tls.Certificate, ca []byte, err error) {
	if hosts == nil {
		hosts = []string{"localhost", "127.0.0.1", "::1"}
	}
	authority := template509(now, 1, "keybridge mail sandbox authority")
	authority.IsCA, authority.BasicConstraintsValid, authority.KeyUsage = true, true, x509.KeyUsageCertSign
	authorityKey, authorityDER, err := sign(authority, authority, nil)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	server := template509(now, 2, "mail sandbox")
	server.KeyUsage, server.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			server.IPAddresses = append(server.IPAddresses, ip)
		} else {
			server.DNSNames = append(server.DNSNames, host)
		}
	}
	key, der, err := sign(server, authority, authorityKey)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authorityDER})
	return tls.Certificate{Certificate: [][]byte{der, authorityDER}, PrivateKey: key}, ca, nil
}

func template509(now time.Time, serial int64, name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-validity), NotAfter: now.Add(validity),
	}
}

// sign makes a key and a certificate for it, signed by the parent's key or, without one, by itself.
func sign(certificate, parent *x509.Certificate, by *ecdsa.PrivateKey) (key *ecdsa.PrivateKey, der []byte, err error) {
	if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, nil, err
	}
	if by == nil {
		by = key
	}
	der, err = x509.CreateCertificate(rand.Reader, certificate, parent, &key.PublicKey, by)
	return key, der, err
}
