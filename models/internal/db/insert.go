package db

import (
	"reflect"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// registerInsert lets Create use buildInsert. returning says whether new IDs come from RETURNING.
func registerInsert(db *gorm.DB, returning bool) error {
	return db.Callback().Create().Before("gorm:create").Register("db:build_insert", func(db *gorm.DB) {
		if rows, plain := plainRows(db); plain {
			buildInsert(db.Statement, rows, returning)
		}
	})
}

// buildInsert writes the INSERT of plain rows as GORM would, which then runs it. GORM makes several allocations for each
// column, and a checkout inserts a dozen rows: BenchmarkWrites/checkout in package models takes a quarter less processor
// time with this, and 1,150 allocations instead of 1,450.
func buildInsert(statement *gorm.Statement, rows []reflect.Value, returning bool) {
	columns := insertedFields(statement.Schema)
	statement.SQL.Grow(512)
	statement.Vars = make([]any, 0, len(rows)*len(columns))
	statement.WriteString("INSERT INTO ")
	statement.WriteString(statement.Table)
	statement.WriteString(` ("`)
	for i, f := range columns {
		if i > 0 {
			statement.WriteString(`","`)
		}
		statement.WriteString(f.DBName)
	}
	statement.WriteString(`") VALUES (`)
	for i, row := range rows {
		if i > 0 {
			statement.WriteString("),(")
		}
		for j, f := range columns {
			if j > 0 {
				statement.WriteString(",")
			}
			value, zero := f.ValueOf(statement.Context, row)
			if zero && (f.AutoCreateTime > 0 || f.DefaultValueInterface != nil) {
				initial := f.DefaultValueInterface
				if f.AutoCreateTime > 0 {
					initial = statement.DB.NowFunc()
				}
				_ = statement.AddError(f.Set(statement.Context, row, initial))
				value, _ = f.ValueOf(statement.Context, row)
			}
			statement.Vars = append(statement.Vars, value)
			statement.DB.Dialector.BindVarTo(statement, statement, value)
		}
	}
	statement.WriteString(")")
	if conflict, found := statement.Clauses["ON CONFLICT"]; found {
		statement.WriteString(" ")
		conflict.Build(statement)
	}
	if id := statement.Schema.PrioritizedPrimaryField; returning && id != nil && id.AutoIncrement {
		statement.WriteString(" RETURNING " + id.DBName)
	}
}

// insertedFields are the columns whose values do not come from the database.
func insertedFields(s *schema.Schema) []*schema.Field {
	fields := make([]*schema.Field, 0, len(s.Fields))
	for _, f := range s.Fields {
		if f.DBName != "" && f.Creatable && !f.AutoIncrement {
			fields = append(fields, f)
		}
	}
	return fields
}

// plainRows returns the rows of a Create, and whether buildInsert can write them: whole rows without an ID of their own.
func plainRows(db *gorm.DB) (rows []reflect.Value, plain bool) {
	statement := db.Statement
	whole := len(statement.Selects) == 0 &&
		(len(statement.Omits) == 0 || slices.Equal(statement.Omits, []string{clause.Associations}))
	if db.Error != nil || statement.Schema == nil || statement.SQL.Len() > 0 || !whole {
		return nil, false
	}
	for _, c := range statement.Clauses {
		if conflict, ok := c.Expression.(clause.OnConflict); !ok || conflict.UpdateAll {
			return nil, false
		}
	}
	fromDatabase := func(f *schema.Field) bool { return !f.AutoIncrement }
	if slices.ContainsFunc(statement.Schema.FieldsWithDefaultDBValue, fromDatabase) {
		return nil, false
	}
	switch value := statement.ReflectValue; value.Kind() {
	case reflect.Struct:
		rows = []reflect.Value{value}
	case reflect.Slice:
		for i := range value.Len() {
			rows = append(rows, reflect.Indirect(value.Index(i)))
		}
	}
	id := statement.Schema.PrioritizedPrimaryField
	for _, row := range rows {
		if row.Kind() != reflect.Struct {
			return nil, false
		}
		if id != nil && id.AutoIncrement {
			if _, zero := id.ValueOf(statement.Context, row); !zero {
				return nil, false
			}
		}
	}
	return rows, len(rows) > 0
}
