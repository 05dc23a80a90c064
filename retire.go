package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"warungjokul/models"
)

// retireDemo makes the orders of a demo test orders, so that its database can go on as that of a real shop, and says
// what it did. Without --yes it says what it would do, and changes nothing.
func retireDemo(ctx context.Context, s settings, args []string, stdout io.Writer, log *slog.Logger) (err error) {
	if len(args) > 1 || len(args) == 1 && args[0] != "--yes" {
		return errors.New("retire-demo takes --yes, and nothing else")
	}
	unlock, err := models.Lock(s.DatabaseURL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	store, err := models.Open(ctx, s.DatabaseURL, time.Now, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if !slices.Contains(args, "--yes") {
		r, err := store.Retirement(ctx, s.owner())
		if err != nil {
			return fmt.Errorf("retire-demo: %w", err)
		}
		return fmt.Errorf("retire-demo would make the %d orders of %s test orders for good, cancel the %d of them that are not paid,"+
			" and hand the database over to %s; back it up, then say --yes", r.Orders, r.Former, r.Cancelled, s.owner())
	}
	r, err := store.RetireDemo(ctx, s.owner())
	if err != nil {
		return fmt.Errorf("retire-demo: %w", err)
	}
	_, err = fmt.Fprintf(stdout, "The %d orders of %s are test orders now; the %d of them that were not paid are cancelled.\nThe database belongs to %s.\n",
		r.Orders, r.Former, r.Cancelled, s.owner())
	return err
}
