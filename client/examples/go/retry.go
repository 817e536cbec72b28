package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// withRetry makes a call that is safe to repeat, until it is answered or timeout is over, which
// bounds all attempts together.
func withRetry[T any](timeout time.Duration, call func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	bound := 50 * time.Millisecond
	for {
		answer, err := call(ctx)
		if err == nil || !worthRetrying(status.Code(err)) {
			return answer, err
		}
		// Between half of the bound and the bound, so that many clients do not come back at once.
		pause := bound/2 + rand.N(bound/2)
		if deadline, _ := ctx.Deadline(); time.Until(deadline) <= pause {
			return answer, err // says more than that the time is over
		}
		fmt.Fprintf(os.Stderr, "again in %s: %v\n", pause.Round(time.Millisecond), err)
		time.Sleep(pause)
		bound = min(2*bound, time.Second)
	}
}

func worthRetrying(code codes.Code) bool {
	switch code {
	case codes.Unavailable, // nobody there, shutting down, or no node that may take the request
		codes.ResourceExhausted: // all nodes full, or a limit of the daemon
		return true
	}
	return false
}
