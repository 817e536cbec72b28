// Places a request, and releases it when it is decoded: what a frontend does, in Go.
//
//	go generate && go build -o place . && ./place MODEL REQUEST_ID
//
// Environment, as of eldrctl: ELDR_TARGET (127.0.0.1:9002), ELDR_TLS_CA, ELDR_TLS_SERVER_NAME and
// ELDR_TOKEN_FILE; ELDR_TIMEOUT, the seconds that a call may take in all (5).
package main

//go:generate sh generate.sh

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	eldr "eldr.example/place/eldrv1"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: place MODEL REQUEST_ID")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(model, requestID string) error {
	timeout, err := timeoutFromEnvironment()
	if err != nil {
		return err
	}
	connection, err := connect()
	if err != nil {
		return err
	}
	defer connection.Close() // one connection serves all requests of a frontend
	client := eldr.NewPlacementServiceClient(connection)

	placed, err := withRetry(timeout, func(ctx context.Context) (*eldr.PlaceResponse, error) {
		// The same request id in each attempt: one that was placed before its answer was lost is
		// answered the same lease.
		return client.Place(ctx, &eldr.PlaceRequest{
			Model: model, RequestId: requestID, ContextTokens: 900,
			LeaseTtl: durationpb.New(2 * time.Minute), // as long as the decode may take, or RenewLease
		})
	})
	if err != nil {
		// Nobody may fail for want of a router: choose a node by a rule of your own, round robin say.
		return fmt.Errorf("not placed: %w", err)
	}
	fmt.Printf("placed %s node=%s address=%s lease=%d reason=%s signature=%s\n", requestID,
		placed.Node.NodeId, placed.Node.Address, placed.LeaseId,
		strings.TrimPrefix(placed.Reason.String(), "PLACEMENT_REASON_"),
		strings.TrimPrefix(placed.SignatureQuality.String(), "SIGNATURE_QUALITY_"))

	// Here the request decodes at placed.Node.Address. Release however that ends, an error or a
	// client that went away included.
	released, err := withRetry(timeout, func(ctx context.Context) (*eldr.ReleaseLeaseResponse, error) {
		return client.ReleaseLease(ctx, &eldr.ReleaseLeaseRequest{
			// With the lease's id a late release cannot end the lease of a later request of that name.
			Lease: &eldr.LeaseKey{Model: model, RequestId: requestID, LeaseId: placed.LeaseId},
		})
	})
	if err != nil {
		return fmt.Errorf("not released, the lease ends by itself in %s: %w",
			placed.LeaseTtl.AsDuration(), err)
	}
	fmt.Printf("released %s outcome=%s\n", requestID,
		strings.TrimPrefix(released.Outcome.String(), "LEASE_OUTCOME_"))
	return nil
}

func timeoutFromEnvironment() (time.Duration, error) {
	text := os.Getenv("ELDR_TIMEOUT")
	if text == "" {
		return 5 * time.Second, nil
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || !(seconds > 0 && seconds <= 3600) {
		return 0, errors.New("ELDR_TIMEOUT is \"" + text + "\", expected seconds, above 0, at most 3600")
	}
	return time.Duration(seconds * float64(time.Second)), nil
}
