package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

const (
	// PostgresConnections is the largest number of connections of one shop, for reading and writing. A transaction
	// takes a handful of round trips, so a dozen keep a database of several cores busy. Four shops, three and one more
	// while they are replaced, with one more connection each to listen, take 52: half of what PostgreSQL allows by
	// default.
	PostgresConnections = 12

	// Idle connections are closed, and none lives so long that it would not find a database that has moved.
	postgresIdle     = 5 * time.Minute
	postgresLifetime = 30 * time.Minute

	// postgresChannel is where shops tell each other of orders that changed.
	postgresChannel = "warung_orders"
)

// Postgres is a database of a PostgreSQL server. Several shops may work on it.
type Postgres struct {
	config *pgx.ConnConfig
	log    *slog.Logger
	pool   *gorm.DB // for reading and writing
}

func parsePostgres(databaseURL string) (*Postgres, error) {
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil { // its text may contain the password
		return nil, errors.New("DATABASE_URL is not understood; it must look like postgres://user:password@host:5432/database")
	}
	// The transactions of the shop rely on it, whatever the address says: a statement sees what others have committed
	// before it began, and a row is read as it is once its lock is held.
	config.RuntimeParams["default_transaction_isolation"] = "read committed"
	for name, value := range map[string]string{
		// A shop that was cut off in the middle of a transaction holds its locks no longer than this.
		"idle_in_transaction_session_timeout": "10s",
		// Waiting for a lock ends before the request that waits does.
		"lock_timeout":     "4s",
		"application_name": "warung",
	} {
		if config.RuntimeParams[name] == "" {
			config.RuntimeParams[name] = value
		}
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 5 * time.Second
	}
	return &Postgres{config: config}, nil
}

// String names the database without user and password.
func (p *Postgres) String() string {
	return fmt.Sprintf("postgres://%s:%d/%s", p.config.Host, p.config.Port, p.config.Database)
}

// Open opens one pool for reading and writing. Prepared statements are kept by the driver, for each connection.
func (p *Postgres) Open(now func() time.Time, log *slog.Logger) (write, read *gorm.DB, err error) {
	p.log = log
	pool := stdlib.OpenDB(*p.config, stdlib.OptionAfterConnect(useUTC))
	pool.SetMaxOpenConns(PostgresConnections)
	pool.SetMaxIdleConns(PostgresConnections)
	pool.SetConnMaxIdleTime(postgresIdle)
	pool.SetConnMaxLifetime(postgresLifetime)
	config := gormConfig(now, log)
	config.DisableAutomaticPing = true // its failure would be logged and reported twice
	db, err := gorm.Open(postgresDialector{&postgres.Dialector{Config: &postgres.Config{Conn: pool}}}, config)
	if err == nil {
		err = pool.Ping()
	}
	if err != nil {
		_ = pool.Close() // nothing was written
		return nil, nil, connectError(err)
	}
	p.pool = db
	return db, db, nil
}

// Close releases the database. It may be called after a failed Open.
func (p *Postgres) Close() error { return closePool(p.pool) }

// connectError is what is wrong with a connection, on one line.
func connectError(err error) error {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return fmt.Errorf("%w: %s", ErrUnavailable, refused.Message)
	}
	var failed *pgconn.ConnectError
	if errors.As(err, &failed) {
		err = errors.Unwrap(failed) // without the user
	}
	first, _, _ := strings.Cut(err.Error(), "\n") // the other lines are about the same address without TLS, and others
	return fmt.Errorf("%w: %s", ErrUnavailable, first)
}

// useUTC makes a connection read times as UTC, whatever the time zone of the machine is.
func useUTC(_ context.Context, c *pgx.Conn) error {
	c.TypeMap().RegisterType(&pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID,
		Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC}})
	return nil
}

// postgresDialector is GORM's PostgreSQL with its own error translation, and with texts that PostgreSQL accepts.
type postgresDialector struct{ *postgres.Dialector }

// Initialize registers the callbacks.
func (d postgresDialector) Initialize(db *gorm.DB) error {
	return errors.Join(d.Dialector.Initialize(db), registerInsert(db, true))
}

// unavailableStates are the SQLSTATEs, or their classes, that are not the fault of the statement.
func unavailableStates() []string {
	return []string{
		"08",    // connection
		"53",    // no room on the disk or in memory, too many connections
		"57",    // shut down, starting up, cancelled
		"58",    // the disk does not work
		"40",    // deadlock, or serialization failure
		"XX",    // internal error
		"25006", // read only: a standby, or a database that is being moved
		"25P03", // idle for too long in a transaction
		"55P03", // lock not available in time
	}
}

// Translate is called by GORM for every error.
func (d postgresDialector) Translate(err error) error {
	var reported *pgconn.PgError
	switch {
	case lostConnection(err):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case !errors.As(err, &reported):
		return err
	case reported.Code == "40P01" || reported.Code == "40001": // deadlock detected, serialization failure
		return fmt.Errorf("%w: %w: %w", ErrUnavailable, ErrConflict, err)
	case slices.ContainsFunc(unavailableStates(), func(state string) bool { return strings.HasPrefix(reported.Code, state) }):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return d.Dialector.Translate(reported)
}

// lostConnection reports whether the server could not be reached, or not in time.
func lostConnection(err error) bool {
	var (
		connect *pgconn.ConnectError
		network net.Error
	)
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, driver.ErrBadConn) ||
		err != nil && strings.HasSuffix(err.Error(), "conn closed") // pgx has no sentinel for it
}

// BindVarTo replaces what PostgreSQL cannot store in a text: zero bytes and invalid UTF-8. It would refuse a whole
// notification for one of them.
func (d postgresDialector) BindVarTo(w clause.Writer, statement *gorm.Statement, v any) {
	if text := reflect.ValueOf(v); text.Kind() == reflect.String {
		valid := strings.ToValidUTF8(strings.ReplaceAll(text.String(), "\x00", "\uFFFD"), "\uFFFD")
		statement.Vars[len(statement.Vars)-1] = valid
	}
	d.Dialector.BindVarTo(w, statement, v)
}

// Advisory locks of a database's schema: one for migrations, and one that each running shop shares.
const (
	migrationLock = "hashtext('warung ' || current_schema())"
	runningLock   = "hashtext('warung running ' || current_schema())"
)

// WithMigrationLock polls for a lock that PostgreSQL gives to one connection at a time: waiting for it in the server
// would end with lock_timeout.
func (p *Postgres) WithMigrationLock(ctx context.Context, f func(*gorm.DB) error) error {
	return p.pool.WithContext(ctx).Connection(func(db *gorm.DB) error {
		db = db.Session(&gorm.Session{}) // otherwise each statement is added to the one before
		for locked := false; ; {
			if err := db.Raw("SELECT pg_try_advisory_lock(" + migrationLock + ")").Scan(&locked).Error; err != nil {
				return err
			}
			if locked {
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(50 * time.Millisecond):
			}
		}
		err := f(db)
		unlocked := db.WithContext(context.WithoutCancel(ctx)).Exec("SELECT pg_advisory_unlock(" + migrationLock + ")").Error
		if err == nil {
			err = unlocked
		}
		return err
	})
}

// Lock locks nothing: several shops may work on the database.
func (p *Postgres) Lock() (unlock func() error, err error) {
	return func() error { return nil }, nil
}

// WhileStopped takes the lock that running shops share.
func (p *Postgres) WhileStopped(ctx context.Context, f func() error) error {
	return p.pool.WithContext(ctx).Connection(func(db *gorm.DB) error {
		db = db.Session(&gorm.Session{}) // otherwise each statement is added to the one before
		var locked bool
		if err := db.Raw("SELECT pg_try_advisory_lock(" + runningLock + ")").Scan(&locked).Error; err != nil {
			return err
		}
		if !locked {
			return ErrInUse
		}
		return errors.Join(f(), db.Exec("SELECT pg_advisory_unlock("+runningLock+")").Error)
	})
}

// CheckFile has nothing to check: the server finds again what it has committed.
func (p *Postgres) CheckFile() error { return nil }

// Stats returns the statistics of the one pool.
func (p *Postgres) Stats() map[string]func() sql.DBStats {
	return map[string]func() sql.DBStats{"both": func() sql.DBStats { return poolStats(p.pool) }}
}

// Scrub removes replaced rows from the tables, and their values from the planner's statistics. Their bytes stay in the
// files until new rows take their place: only VACUUM FULL, which locks the tables, and recycling of the log remove them.
func (p *Postgres) Scrub(ctx context.Context, tables []string) error {
	for _, table := range tables {
		if err := p.pool.WithContext(ctx).Exec("VACUUM (ANALYZE) " + table).Error; err != nil {
			return err
		}
	}
	return nil
}

// Backup is left to pg_dump.
func (p *Postgres) Backup(context.Context, string) error {
	return errors.New("DATABASE_URL names a PostgreSQL database: copy it with pg_dump, as docs/operate.md shows")
}
