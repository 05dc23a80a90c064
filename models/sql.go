package models

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm"
)

// What happens at every order and every payment is said in SQL that both
// databases understand, and read without reflection: parameters are $1, $2 and
// so on, numbered as they first appear. The drivers keep the statements they
// have prepared, for each connection. All else is left to GORM.
//
// Where a parameter is compared with a column by which there may be several rows,
// or in a join, it is cast to what it is: SQLite plans such a statement anew for
// each value, for 0 and 1 may be too frequent to look up, but not for a cast.

// row is what a table keeps, one field for each of its columns.
type row interface{ fields() []any }

// table says how a type is kept. The first column is its ID, which the database gives.
type table struct {
	name, columns string
	into          string // the beginning of an INSERT
	insert        string // of one row
}

func newTable(name string, columns ...string) table {
	t := table{name: name, columns: strings.Join(columns, ", ")}
	t.into = fmt.Sprintf("INSERT INTO %s (%s) VALUES ", name, strings.Join(columns[1:], ", "))
	t.insert = t.into + parameters(1, len(columns)-1)
	return t
}

// parameters are so many rows of as many parameters each.
func parameters(rows, each int) string {
	b := make([]byte, 0, rows*each*len(", $00"))
	for n := range rows * each {
		switch {
		case n == 0:
			b = append(b, "("...)
		case n%each == 0:
			b = append(b, "), ("...)
		default:
			b = append(b, ", "...)
		}
		b = strconv.AppendInt(append(b, '$'), int64(n+1), 10)
	}
	return string(append(b, ')'))
}

// of is the table's columns in a statement that calls it by another name.
func (t table) of(alias string) string {
	return alias + "." + strings.ReplaceAll(t.columns, ", ", ", "+alias+".")
}

// selectWhere is the beginning of most queries.
func (t table) selectWhere(condition string) string {
	return "SELECT " + t.columns + " FROM " + t.name + " WHERE " + condition
}

// with returns a database, or a transaction, for one request. It is what GORM's
// WithContext returns for either, without the copies that makes of all settings:
// the same is asked for at every statement.
func with(ctx context.Context, db *gorm.DB) *gorm.DB {
	bound := *db
	bound.Statement = &gorm.Statement{DB: &bound, ConnPool: db.Statement.ConnPool, Context: ctx}
	return &bound
}

// execute runs a statement and returns how many rows it has touched.
func execute(db *gorm.DB, statement string, values ...any) (int64, error) {
	res, err := db.Statement.ConnPool.ExecContext(db.Statement.Context, statement, bound(db, values)...)
	if err != nil {
		return 0, translated(db, err)
	}
	return res.RowsAffected()
}

// one reads the one row a statement returns into fields, or says ErrNotFound.
func one(db *gorm.DB, statement string, values []any, fields ...any) error {
	err := db.Statement.ConnPool.QueryRowContext(db.Statement.Context, statement, bound(db, values)...).Scan(fields...)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrNotFound
	}
	return translated(db, err)
}

// find reads every row a statement returns.
func find[T any, P interface {
	*T
	row
}](db *gorm.DB, statement string, values ...any) (list []T, err error) {
	err = each(db, statement, values, func(scan func(fields ...any) error) error {
		var item T
		err := scan(P(&item).fields()...)
		list = append(list, item)
		return err
	})
	return list, err
}

// each calls read for every row a statement returns.
func each(db *gorm.DB, statement string, values []any, read func(scan func(fields ...any) error) error) error {
	rows, err := db.Statement.ConnPool.QueryContext(db.Statement.Context, statement, bound(db, values)...)
	if err != nil {
		return translated(db, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := read(rows.Scan); err != nil {
			return err
		}
	}
	return translated(db, rows.Err())
}

// add keeps a new row, which learns its ID. Where onConflict lets a row that is
// there already stay, nothing is kept, and added is false.
func add(tx *gorm.DB, t table, r row, onConflict string) (added bool, err error) {
	fields := r.fields()
	id, err := insertRow(tx, t.insert+onConflict, values(fields[1:]))
	if id != 0 {
		*fields[0].(*int64) = id
	}
	return id != 0, err
}

// onlyOnce: who comes second is not kept, and that is no error.
const onlyOnce = " ON CONFLICT DO NOTHING"

// addMany keeps rows whose IDs nobody asks for.
func addMany[T any, P interface {
	*T
	row
}](db *gorm.DB, t table, rows []T) error {
	var list []any
	for i := range rows {
		list = append(list, values(P(&rows[i]).fields()[1:])...)
	}
	_, err := execute(db, t.into+parameters(len(rows), len(list)/len(rows)), list...)
	return err
}

// values are what fields hold.
func values(fields []any) []any {
	list := make([]any, len(fields))
	for i, f := range fields {
		switch f := f.(type) {
		case *string:
			list[i] = *f
		case *int64:
			list[i] = *f
		case *[]byte:
			list[i] = *f
		case *time.Time:
			list[i] = *f
		default:
			if v := reflect.ValueOf(f).Elem(); v.Kind() == reflect.String { // of a type of ours
				list[i] = v.String()
			} else {
				list[i] = v.Interface()
			}
		}
	}
	return list
}

// bound are the values as the database takes them.
func bound(db *gorm.DB, values []any) []any {
	if db.Name() != "postgres" {
		return values
	}
	for i, v := range values {
		if text := reflect.ValueOf(v); text.Kind() == reflect.String {
			values[i] = strings.ToValidUTF8(strings.ReplaceAll(text.String(), "\x00", "\uFFFD"), "\uFFFD")
		}
	}
	return values
}

func translated(db *gorm.DB, err error) error {
	if err == nil {
		return nil
	}
	return db.Dialector.(gorm.ErrorTranslator).Translate(err)
}

// locked has a query keep its rows for this transaction alone.
func locked(tx *gorm.DB, query string) string {
	if tx.Name() == "postgres" {
		query += " FOR NO KEY UPDATE"
	}
	return query
}

func insertRow(tx *gorm.DB, statement string, values []any) (id int64, err error) {
	if tx.Name() == "postgres" {
		if err = one(tx, statement+" RETURNING id", values, &id); err == ErrNotFound {
			err = nil
		}
		return id, err
	}
	res, err := tx.Statement.ConnPool.ExecContext(tx.Statement.Context, statement, values...)
	if err != nil {
		return 0, translated(tx, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return 0, err
	}
	return res.LastInsertId()
}

// move sets the status of a row, and what else is set with it, if the guard lets
// it, and reports whether it did.
func move(tx *gorm.DB, table string, id int64, column, to, guard, set string, values []any) (bool, error) {
	n := len(values)
	statement := fmt.Sprintf("UPDATE %s SET %s, %s = $%d WHERE id = $%d AND %s", table, set, column, n+1, n+2, guard)
	touched, err := execute(tx, statement, append(values, to, id)...)
	return touched > 0, err
}

// guard holds where a move is allowed from.
func guard[S ~string](column string, moves map[S][]S, to S) string {
	var from []string
	for status, targets := range moves {
		if slices.Contains(targets, to) {
			from = append(from, "'"+string(status)+"'")
		}
	}
	slices.Sort(from)                                                        // the same text each time
	return column + " IN (" + strings.Join(append(from, "NULL"), ", ") + ")" // NULL is nowhere, and lists must not be empty
}

// asJSON keeps a value as JSON.
type asJSON struct{ value any }

func (j asJSON) Scan(text any) error {
	switch text := text.(type) {
	case string:
		return json.Unmarshal([]byte(text), j.value)
	case []byte:
		return json.Unmarshal(text, j.value)
	}
	return nil
}

func (j asJSON) Value() (driver.Value, error) {
	text, err := json.Marshal(j.value)
	return string(text), err
}
