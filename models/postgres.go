package models

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
	// postgresConnections is how many one shop has at most, for reading and
	// writing. A transaction takes a handful of round trips, so a dozen keep a
	// database of several cores busy, and whoever waits here for one waits
	// shorter than he would there. Four shops, three and one more while they
	// are replaced, with one more each to listen with, take 52: half of what
	// PostgreSQL allows by default, and pg_dump and people find room.
	postgresConnections = 12

	// A connection nobody needs is given back, and none lives so long that it
	// would not find out about a database that has moved.
	postgresIdle     = 5 * time.Minute
	postgresLifetime = 30 * time.Minute

	// postgresChannel is where shops tell each other of orders that changed.
	postgresChannel = "warung_orders"
)

// postgresServer is a database of a PostgreSQL server.
type postgresServer struct {
	config *pgx.ConnConfig
	log    *slog.Logger
}

func newPostgres(databaseURL string) (*postgresServer, error) {
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil { // its text may have the password in it
		return nil, errors.New("DATABASE_URL is not understood; it must look like postgres://user:password@host:5432/database")
	}
	// What the transactions of this package rely on, whatever the address says: a
	// statement sees what others have committed before it began, and a row that
	// was locked is seen as it is then.
	config.RuntimeParams["default_transaction_isolation"] = "read committed"
	for name, value := range map[string]string{
		// A shop that was cut off in the middle holds its locks no longer than this,
		"idle_in_transaction_session_timeout": "10s",
		// and who waits for a lock gives up before whoever asked does.
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
	return &postgresServer{config: config}, nil
}

func (p *postgresServer) connect(settings gorm.Config, log *slog.Logger) (write, read *gorm.DB, err error) {
	p.log = log
	pool := stdlib.OpenDB(*p.config, stdlib.OptionAfterConnect(inUTC))
	pool.SetMaxOpenConns(postgresConnections)
	pool.SetMaxIdleConns(postgresConnections)
	pool.SetConnMaxIdleTime(postgresIdle)
	pool.SetConnMaxLifetime(postgresLifetime)
	settings.DisableAutomaticPing = true // whose failure would be logged, and told, twice
	// Statements are prepared by the driver, for each connection.
	db, err := gorm.Open(postgresDialector{&postgres.Dialector{Config: &postgres.Config{Conn: pool}}}, &settings)
	if err == nil {
		err = pool.Ping()
	}
	if err != nil {
		_ = pool.Close() // there is nothing in it
		return nil, nil, reason(err)
	}
	return db, db, nil
}

// reason is what is wrong with a connection, on one line.
func reason(err error) error {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return fmt.Errorf("%w: %s", ErrUnavailable, refused.Message)
	}
	var away *pgconn.ConnectError
	if errors.As(err, &away) {
		err = errors.Unwrap(away) // without who tried
	}
	first, _, _ := strings.Cut(err.Error(), "\n") // then come the same address without TLS, and others
	return fmt.Errorf("%w: %s", ErrUnavailable, first)
}

// String is where it is, without who may see it.
func (p *postgresServer) String() string {
	return fmt.Sprintf("postgres://%s:%d/%s", p.config.Host, p.config.Port, p.config.Database)
}

// inUTC has a connection read times as UTC, wherever the shop runs.
func inUTC(_ context.Context, c *pgx.Conn) error {
	c.TypeMap().RegisterType(&pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC}})
	return nil
}

// postgresDialector is GORM's PostgreSQL with two things more: it tells a
// database in trouble from a statement that is wrong, and takes any text.
type postgresDialector struct{ *postgres.Dialector }

// postgresTrouble is what PostgreSQL says when the fault is not the statement's:
// a code, or the class it begins with.
var postgresTrouble = []string{
	"08",    // connection
	"53",    // no room on the disk or in memory, too many connections
	"57",    // shut down, starting up, cancelled
	"58",    // the disk does not work
	"40",    // in another transaction's way
	"XX",    // broken inside
	"25006", // read only: a standby, or a database being moved
	"25P03", // idle for too long in a transaction
	"55P03", // a lock was not to be had in time
}

// postgresAgain: a deadlock was cut here, or the isolation asked for could not
// be kept. Others have gone on since.
var postgresAgain = []string{"40P01", "40001"}

// Translate is asked about every error.
func (d postgresDialector) Translate(err error) error {
	var said *pgconn.PgError
	switch {
	case lostConnection(err):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case !errors.As(err, &said):
		return err
	case slices.Contains(postgresAgain, said.Code):
		return fmt.Errorf("%w: %w: %w", ErrUnavailable, errAgain, err)
	case slices.ContainsFunc(postgresTrouble, func(code string) bool { return strings.HasPrefix(said.Code, code) }):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return d.Dialector.Translate(said)
}

// lostConnection reports whether there was nobody to answer, or no time.
func lostConnection(err error) bool {
	var (
		away    *pgconn.ConnectError
		network net.Error
	)
	return errors.As(err, &away) || errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, driver.ErrBadConn) ||
		err != nil && strings.HasSuffix(err.Error(), "conn closed") // pgx has no name for it
}

// BindVarTo binds text that PostgreSQL can hold: it knows neither a zero byte
// nor what is not UTF-8, and would refuse a whole notification for one.
func (d postgresDialector) BindVarTo(w clause.Writer, statement *gorm.Statement, v any) {
	if text := reflect.ValueOf(v); text.Kind() == reflect.String {
		statement.Vars[len(statement.Vars)-1] = validText(text.String())
	}
	d.Dialector.BindVarTo(w, statement, v)
}

func validText(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}

// takes is the same for plain SQL.
func (postgresDialector) takes(v any) any {
	if text := reflect.ValueOf(v); text.Kind() == reflect.String {
		return validText(text.String())
	}
	return v
}

func (postgresDialector) insert(tx *gorm.DB, statement string, values []any) (id int64, err error) {
	if err = one(tx, statement+" RETURNING id", values, &id); err == ErrNotFound {
		err = nil
	}
	return id, err
}

func (postgresDialector) locking() string { return " FOR NO KEY UPDATE" }

func (postgresDialector) lockText(tx *gorm.DB, text string) error {
	return tx.Exec("SELECT pg_advisory_xact_lock(hashtext(?))", text).Error
}

func (p *postgresServer) transact(ctx context.Context, db *gorm.DB, f func(*gorm.DB) error) error {
	return with(ctx, db).Transaction(f)
}

// once: a statement is a transaction by itself.
func (p *postgresServer) once(ctx context.Context, db *gorm.DB, f func(*gorm.DB) error) error {
	return f(with(ctx, db))
}

// alone takes turns by a lock that PostgreSQL gives to one connection at a time.
// It is tried for rather than waited for, so that waiting has no time limit but
// that of ctx.
func (p *postgresServer) alone(db *gorm.DB, f func(*gorm.DB) error) error {
	const key = "hashtext('warung ' || current_schema())"
	return db.Connection(func(db *gorm.DB) error {
		db = db.Session(&gorm.Session{}) // else each statement is added to the one before
		for taken := false; ; {
			if err := db.Raw("SELECT pg_try_advisory_lock(" + key + ")").Scan(&taken).Error; err != nil {
				return err
			}
			if taken {
				break
			}
			select {
			case <-db.Statement.Context.Done():
				return db.Statement.Context.Err()
			case <-time.After(50 * time.Millisecond):
			}
		}
		err := f(db)
		unlocked := with(context.WithoutCancel(db.Statement.Context), db).Exec("SELECT pg_advisory_unlock(" + key + ")").Error
		if err == nil {
			err = unlocked
		}
		return err
	})
}

// lock has nothing to lock: several shops may work on the database.
func (p *postgresServer) lock() (unlock func() error, err error) {
	return func() error { return nil }, nil
}

// postgresRunning is the advisory lock that each shop shares for as long as it listens.
const postgresRunning = "hashtext('warung running ' || current_schema())"

// unused holds the lock that running shops share for itself meanwhile.
func (p *postgresServer) unused(db *gorm.DB, do func() error) error {
	return db.Connection(func(db *gorm.DB) error {
		db = db.Session(&gorm.Session{}) // else each statement is added to the one before
		var taken bool
		if err := db.Raw("SELECT pg_try_advisory_lock(" + postgresRunning + ")").Scan(&taken).Error; err != nil {
			return err
		}
		if !taken {
			return errInUse
		}
		return errors.Join(do(), db.Exec("SELECT pg_advisory_unlock("+postgresRunning+")").Error)
	})
}

// inPlace: what PostgreSQL has committed, it finds again.
func (p *postgresServer) inPlace() error { return nil }

func (p *postgresServer) tell(ctx context.Context, db *gorm.DB, token string) error {
	return with(ctx, db).Exec("SELECT pg_notify(?, ?)", postgresChannel, token).Error
}

// watch listens on a connection of its own, and gets another when that breaks.
func (p *postgresServer) watch(ctx context.Context, heard func(token string)) {
	const least, most = 100 * time.Millisecond, 5 * time.Second
	for wait := least; ctx.Err() == nil; wait = min(2*wait, most) {
		began := time.Now()
		err := p.listen(ctx, heard)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > most {
			wait = least
		}
		p.log.Warn("changes made by other shops are not heard of for a moment", "error", reason(err))
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// listen hears until its connection breaks.
func (p *postgresServer) listen(ctx context.Context, heard func(token string)) error {
	conn, err := pgx.ConnectConfig(ctx, p.config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock_shared("+postgresRunning+")"); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "LISTEN "+postgresChannel); err != nil {
		return err
	}
	heard("") // whatever was said before, nobody was listening
	for {
		waiting, cancel := context.WithTimeout(ctx, time.Minute)
		said, err := conn.WaitForNotification(waiting)
		cancel()
		switch {
		case err == nil:
			heard(said.Payload)
		case ctx.Err() != nil || !pgconn.Timeout(err):
			return err
		default: // a quiet minute: is anybody there?
			if err := conn.Ping(ctx); err != nil {
				return err
			}
		}
	}
}

func (p *postgresServer) pools(both, _ *gorm.DB) map[string]func() sql.DBStats {
	return map[string]func() sql.DBStats{"both": func() sql.DBStats { return statistics(both) }}
}

// scrub has rows that were replaced removed from the tables, and from what the server has noted of their values. Their bytes stay in the files until new rows take their
// place: only VACUUM FULL, which locks everybody out, and the end of the log's segments remove those.
func (p *postgresServer) scrub(ctx context.Context, db *gorm.DB, tables []string) error {
	for _, table := range tables {
		if err := with(ctx, db).Exec("VACUUM (ANALYZE) " + table).Error; err != nil {
			return err
		}
	}
	return nil
}

func (p *postgresServer) backup(context.Context, string) error {
	return errors.New("DATABASE_URL names a PostgreSQL database: copy it with pg_dump, as docs/operate.md shows")
}
