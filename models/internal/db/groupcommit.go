package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
)

// groupCommit is a gorm.ConnPool that batches concurrent SQLite transactions into one COMMIT. A COMMIT that reaches
// the disk costs as much as many statements, and SQLite has one writer at a time.
//
// Transactions run one after the other, each within a savepoint of the SQLite transaction that is open. A transaction
// that is committed gives the next one its turn and then waits for the COMMIT of the batch; the last member, or the
// one that reaches a limit, issues it. A transaction that is rolled back goes back to its own savepoint and leaves the
// others as they are. If the COMMIT fails, every member gets the error.
type groupCommit struct {
	pool      *sql.DB       // with one connection
	checkFile func() error  // called before each COMMIT
	maxAge    time.Duration // of a batch that others still want to join

	turn    sync.Mutex // held by the transaction that is running
	open    *batch     // nil when nothing is uncommitted; guarded by turn
	waiting atomic.Int32

	// Statistics: how often and for how long transactions have waited for their turn.
	waits  atomic.Int64
	waited atomic.Int64 // nanoseconds
}

// batch is one SQLite transaction.
type batch struct {
	conn    *sql.Conn
	members int
	began   time.Time
	done    chan struct{} // closed after COMMIT or ROLLBACK; err says which
	err     error
}

// Limits of an open batch.
const (
	maxMembers  = 64
	maxBatchAge = 20 * time.Millisecond
)

// BeginTx waits for its turn and joins the open batch, or opens one. A context that ends interrupts nothing once the
// transaction has begun: SQLite would roll back the whole batch.
func (g *groupCommit) BeginTx(ctx context.Context, _ *sql.TxOptions) (gorm.ConnPool, error) {
	g.lock()
	m, err := g.join(ctx)
	if err != nil {
		g.release()
		return nil, err
	}
	return m, nil
}

func (g *groupCommit) join(ctx context.Context) (*member, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	ctx = context.WithoutCancel(ctx)
	if g.open == nil {
		b, err := g.begin(ctx)
		if err != nil {
			return nil, err
		}
		g.open = b
	}
	m := &member{group: g, batch: g.open}
	m.batch.members++
	if !m.exec(ctx, "SAVEPOINT member") {
		return nil, m.batch.err
	}
	return m, nil
}

func (g *groupCommit) begin(ctx context.Context) (*batch, error) {
	conn, err := g.pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	// IMMEDIATE takes the write lock now, while waiting for it is still possible.
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &batch{conn: conn, began: time.Now(), done: make(chan struct{})}, nil
}

func (g *groupCommit) lock() {
	if g.turn.TryLock() {
		return
	}
	began := time.Now()
	g.waiting.Add(1)
	g.turn.Lock()
	g.waiting.Add(-1)
	g.waits.Add(1)
	g.waited.Add(int64(time.Since(began)))
}

// release ends a turn. It ends the batch, too, unless another transaction waits to join it and no limit is reached.
func (g *groupCommit) release() {
	defer g.turn.Unlock()
	b := g.open
	if b == nil || b.err == nil && g.waiting.Load() > 0 && b.members < maxMembers && time.Since(b.began) < g.maxAge {
		return
	}
	g.finish()
}

// finish commits the open batch, if there is one, or rolls it back if it has failed. The caller holds the turn.
func (g *groupCommit) finish() {
	b := g.open
	if b == nil {
		return
	}
	g.open = nil
	defer close(b.done)
	ctx := context.Background()
	if b.err == nil {
		b.err = g.checkFile()
	}
	if b.err == nil {
		if _, err := b.conn.ExecContext(ctx, "COMMIT"); err != nil {
			b.err = fmt.Errorf("%w: commit: %w", ErrUnavailable, err)
		}
	}
	if b.err != nil {
		_, _ = b.conn.ExecContext(ctx, "ROLLBACK") // fails where SQLite has rolled back by itself
	}
	_ = b.conn.Close() // returns it to the pool
}

// between runs f while no transaction is open. Transactions wait meanwhile.
func (g *groupCommit) between(f func(pool *sql.DB) error) error {
	g.lock()
	defer g.turn.Unlock()
	g.finish()
	return f(g.pool)
}

// ExecContext runs a statement outside of any transaction as a transaction of its own.
func (g *groupCommit) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	tx, err := g.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	m := tx.(*member)
	result, err := m.ExecContext(ctx, query, args...)
	if err != nil {
		_ = m.Rollback()
		return nil, err
	}
	return result, m.Commit()
}

// QueryContext runs a query outside of any transaction, after the open batch. A statement that writes and returns rows
// is committed by SQLite itself when the rows are closed.
func (g *groupCommit) QueryContext(ctx context.Context, query string, args ...any) (rows *sql.Rows, err error) {
	err = g.between(func(pool *sql.DB) error {
		if err := g.checkFile(); err != nil {
			return err
		}
		rows, err = pool.QueryContext(ctx, query, args...)
		return err
	})
	return rows, err
}

// QueryRowContext is QueryContext for one row. GORM uses it for reading only.
func (g *groupCommit) QueryRowContext(ctx context.Context, query string, args ...any) (row *sql.Row) {
	_ = g.between(func(pool *sql.DB) error {
		row = pool.QueryRowContext(ctx, query, args...)
		return nil
	})
	return row
}

// PrepareContext is refused: a statement prepared here would bypass the batches. The driver caches statements.
func (g *groupCommit) PrepareContext(context.Context, string) (*sql.Stmt, error) {
	return nil, fmt.Errorf("prepare outside of a connection: %w", errors.ErrUnsupported)
}

// GetDBConn returns the pool, for gorm.DB.DB.
func (g *groupCommit) GetDBConn() (*sql.DB, error) { return g.pool, nil }

// member is one transaction of a batch. It holds the turn until it is committed or rolled back.
type member struct {
	group *groupCommit
	batch *batch
	ended bool
}

// Commit returns once the COMMIT of the whole batch is on the disk, or has failed.
func (m *member) Commit() error {
	if m.ended {
		return sql.ErrTxDone
	}
	m.ended = true
	m.exec(context.Background(), "RELEASE member")
	m.group.release()
	<-m.batch.done
	return m.batch.err
}

// Rollback takes back the changes of this transaction and of no other. If that is impossible the whole batch fails.
func (m *member) Rollback() error {
	if m.ended {
		return sql.ErrTxDone
	}
	m.ended = true
	ctx := context.Background()
	_ = m.exec(ctx, "ROLLBACK TO member") && m.exec(ctx, "RELEASE member")
	m.group.release()
	return nil
}

// exec runs a statement about savepoints and reports whether it succeeded. If not, the batch fails: SQLite has rolled
// back the whole transaction, as it does when the disk is full.
func (m *member) exec(ctx context.Context, statement string) bool {
	if _, err := m.batch.conn.ExecContext(ctx, statement); err != nil && m.batch.err == nil {
		m.batch.err = fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return m.batch.err == nil
}

func (m *member) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return m.batch.conn.ExecContext(context.WithoutCancel(ctx), query, args...)
}

func (m *member) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return m.batch.conn.QueryContext(context.WithoutCancel(ctx), query, args...)
}

func (m *member) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return m.batch.conn.QueryRowContext(context.WithoutCancel(ctx), query, args...)
}

func (m *member) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return m.batch.conn.PrepareContext(context.WithoutCancel(ctx), query)
}
