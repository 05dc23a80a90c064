package db

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Publish reaches every shop on the database by NOTIFY.
func (p *Postgres) Publish(ctx context.Context, token string) error {
	return p.pool.WithContext(ctx).Exec("SELECT pg_notify(?, ?)", postgresChannel, token).Error
}

// Subscribe listens on a connection of its own, and opens another one when that breaks.
func (p *Postgres) Subscribe(ctx context.Context, receive func(token string)) {
	const minWait, maxWait = 100 * time.Millisecond, 5 * time.Second
	for wait := minWait; ctx.Err() == nil; wait = min(2*wait, maxWait) {
		began := time.Now()
		err := p.listen(ctx, receive)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > maxWait {
			wait = minWait
		}
		p.log.Warn("changes made by other shops are not heard of for a moment", "error", connectError(err))
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// listen receives messages until its connection breaks.
func (p *Postgres) listen(ctx context.Context, receive func(token string)) error {
	conn, err := pgx.ConnectConfig(ctx, p.config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock_shared("+runningLock+")"); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "LISTEN "+postgresChannel); err != nil {
		return err
	}
	receive("") // earlier messages were missed
	for {
		waiting, cancel := context.WithTimeout(ctx, time.Minute)
		message, err := conn.WaitForNotification(waiting)
		cancel()
		switch {
		case err == nil:
			receive(message.Payload)
		case ctx.Err() != nil || !pgconn.Timeout(err):
			return err
		default: // a quiet minute: is the server still there?
			if err := conn.Ping(ctx); err != nil {
				return err
			}
		}
	}
}
