package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/resolver/dns"
)

// connect opens the connection that all calls share. It returns at once: calls connect.
func connect() (*grpc.ClientConn, error) {
	target := os.Getenv("ELDR_TARGET")
	if target == "" {
		target = "127.0.0.1:9002"
	}
	transport, err := transportCredentials()
	if err != nil {
		return nil, err
	}
	// A daemon that moved is looked up again: gRPC's own half a minute is long.
	dns.SetMinResolutionInterval(time.Second)
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithNoProxy(), // a daemon is a neighbour, whatever proxy the environment names
		// A daemon that vanished without a word is noticed within 15 s (10 s is the least in Go).
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}),
		// Reconnect at the pace of the retries; gRPC's own pauses grow to two minutes.
		grpc.WithConnectParams(grpc.ConnectParams{
			MinConnectTimeout: 3 * time.Second,
			Backoff: backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2,
				MaxDelay: 400 * time.Millisecond},
		}),
	}
	if file := os.Getenv("ELDR_TOKEN_FILE"); file != "" {
		options = append(options, grpc.WithPerRPCCredentials(tokenFile(file)))
	}
	return grpc.NewClient(target, options...)
}

func transportCredentials() (credentials.TransportCredentials, error) {
	file := os.Getenv("ELDR_TLS_CA")
	if file == "" {
		return insecure.NewCredentials(), nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate in it, expected PEM", file)
	}
	return credentials.NewTLS(&tls.Config{
		RootCAs: roots, ServerName: os.Getenv("ELDR_TLS_SERVER_NAME"), MinVersion: tls.VersionTLS12,
	}), nil
}

// tokenFile is a file whose first line is the bearer token; read for each call, so that it can be
// replaced.
type tokenFile string

func (f tokenFile) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	text, err := os.ReadFile(string(f))
	if err != nil {
		return nil, err
	}
	token, _, _ := strings.Cut(string(text), "\n")
	return map[string]string{"authorization": "Bearer " + strings.TrimSpace(token)}, nil
}

// RequireTransportSecurity: false, or gRPC refuses to send tokens in networks that encrypt by
// themselves.
func (tokenFile) RequireTransportSecurity() bool { return false }
