//! Schemas as the public sample databases have them, of which nothing was made for this program: names in mixed case, names that
//! are words of SQL, names with blanks, views, composite keys, and the types that each engine is known for.
//!
//! The tables are our own, in the manner of a film rental, a music shop and a trading company.

use serde_json::{Value, json};

use crate::desk::{Desk, assert_same, id_of, on_each_engine, told};

on_each_engine! {
    films_with_years_ratings_features_and_posters_are_read_and_changed
    customers_of_one_store_are_not_those_of_another
    a_view_with_a_column_that_nobody_can_name_is_read
    tables_in_mixed_case_without_a_version_are_changed_by_the_hash_of_the_row
    one_column_of_a_composite_key_is_a_key_within_the_other_alone
    words_of_sql_are_names_like_others
    names_with_blanks_are_refused_by_the_file_and_pass_through_the_row
}

/// A capability on a table of a sample; what identifies a row is a number.
fn capability(desk: &Desk, name: &str, table: &str, key: &str, columns: &[&str]) -> Value {
    let mut capability = desk.reads(name, table, columns);
    capability["target"] = json!({"schema": desk.schema(), "table": table, "primary_key": key, "single_tenant_dev": true});
    capability["args"]["id"] = json!({"type": "number"});
    capability
}

/// Makes it propose what its arguments say for these columns.
fn proposing(mut capability: Value, patch: &[(&str, Value)], guard: Value) -> Value {
    let name = capability["name"].as_str().unwrap().replace("inspect", "propose");
    capability["name"] = json!(name);
    capability["kind"] = json!("proposal");
    for (column, argument) in patch {
        capability["args"][*column] = argument.clone();
        capability["patch"][*column] = json!({"from_arg": column});
    }
    capability["allowed_columns"] = patch.iter().map(|(column, _)| *column).collect();
    capability["conflict_guard"] = guard;
    capability
}

/// The desk offers these and nothing else; what `--check-db` says of them that is not a notice.
fn offering(desk: &Desk, capabilities: &[Value]) -> String {
    desk.configure(|config| config["capabilities"] = json!(capabilities));
    let checked = desk.json("config validate --check-db --json");
    let found = checked["database"].as_array().unwrap().iter().filter(|found| found["severity"] != "notice");
    let found = found.map(|found| format!("{} {} {}", found["severity"], found["code"], found["capability"]));
    let mut found: Vec<_> = found.map(|line| line.replace('"', "")).collect();
    found.push(format!("ok: {}", checked["ok"]));
    found.join("\n")
}

fn data(desk: &Desk, name: &str, id: i64) -> String {
    let answer = desk.call(name, &json!({"id": id}));
    if answer["ok"] == true { answer["data"].to_string() } else { told(&answer) }
}

/// Proposed, approved, applied; and applied again.
fn changed(desk: &Desk, name: &str, arguments: &Value) -> String {
    let id = id_of(&desk.call(name, arguments));
    desk.approve(&id);
    format!("{}, {}", desk.apply(&id), desk.apply(&id))
}

/// A film rental. The database moves `last_update`, in the way of its engine.
fn rental(desk: &mut Desk) {
    desk.execute(desk.dialect(
        "select 1",
        "create type mpaa as enum ('G', 'PG', 'PG-13', 'R', 'NC-17'); create domain year as integer",
        "select 1",
    ));
    let moment = desk.dialect(
        "timestamp not null default (datetime('now'))",
        "timestamptz not null default now()",
        "timestamp not null default current_timestamp on update current_timestamp",
    );
    let [bool, tiny, year, rating, features, poster, long, bytes] = if desk.is_sqlite() {
        ["boolean", "tinyint", "year integer", "varchar(10)", "varchar(200)", "blob", "text", "x'89504e470d0a00ff'"]
    } else if desk.is_mysql() {
        [
            "tinyint(1)",
            "tinyint unsigned",
            "year",
            "enum('G','PG','PG-13','R','NC-17')",
            "set('Trailers','Commentaries','Deleted Scenes','Behind the Scenes')",
            "blob",
            "mediumtext",
            "x'89504e470d0a00ff'",
        ]
    } else {
        ["boolean", "smallint", "year", "mpaa", "varchar(40)[]", "bytea", "text", "'\\x89504e470d0a00ff'"]
    };
    let kept = desk.dialect("'Trailers,Deleted Scenes'", "array['Trailers', 'Deleted Scenes']", "'Trailers,Deleted Scenes'");
    let yes = desk.dialect("1", "true", "1");
    desk.execute(&format!(
        "create table film (film_id integer not null primary key, title varchar(128) not null, description {long}, \
           release_year {year}, rental_duration {tiny} not null default 3, rental_rate decimal(4,2) not null default 4.99, \
           length smallint, rating {rating} default 'G', special_features {features}, poster {poster}, last_update {moment}); \
         create table customer (customer_id integer not null primary key, store_id smallint not null, \
           first_name varchar(45) not null, last_name varchar(45) not null, email varchar(50), active {bool} not null, last_update {moment}); \
         create view customer_list as select customer_id as \"ID\", store_id as \"SID\", first_name || ' ' || last_name as \"name\", \
           first_name as \"Given\", email as \"e mail\" from customer; \
         insert into film values (1, 'ACADEMY DINOSAUR', 'An épic drama', 2006, 6, 0.99, 86, 'PG', {kept}, {bytes}, '2006-02-15 05:03:42'); \
         insert into customer values (1, 1, 'MARY', 'SMITH', 'mary@example.org', {yes}, '2006-02-15 04:57:20'), \
           (2, 2, 'PATRICIA', 'JOHNSON', null, {yes}, '2006-02-15 04:57:20')"
    ));
    for table in ["film", "customer"] {
        desk.execute(&match desk.dialect("sqlite", "postgres", "mysql") {
            "sqlite" => format!(
                "create trigger {table}_moves after update on {table} begin \
                 update {table} set last_update = datetime('now') where rowid = new.rowid; end"
            ),
            "postgres" => format!(
                "create or replace function last_updated() returns trigger language plpgsql as \
                 $$ begin new.last_update = current_timestamp; return new; end $$; \
                 create trigger {table}_moves before update on {table} for each row execute function last_updated()"
            ),
            _ => "select 1".to_owned(),
        });
    }
    desk.set("DESK_TENANT", "1");
}

/// The database moves the version.
fn by_the_database(column: &str) -> Value {
    json!({"column": column, "advance": "database"})
}

fn films_with_years_ratings_features_and_posters_are_read_and_changed(desk: &mut Desk) {
    rental(desk);
    let columns = ["title", "description", "release_year", "rental_rate", "length", "rating", "special_features", "poster"];
    let film = capability(desk, "rental.inspect_film", "film", "film_id", &columns);
    let patch = [
        ("rental_rate", json!({"type": "number", "minimum": 0, "maximum": 20})),
        ("rating", json!({"type": "string", "enum": ["G", "PG", "PG-13", "R", "NC-17", "X"]})),
        ("release_year", json!({"type": "number", "required": false})),
        ("special_features", json!({"type": "string", "required": false})),
        ("poster", json!({"type": "string", "required": false})),
    ];
    let change = proposing(film.clone(), &patch, by_the_database("last_update"));
    let coarse =
        desk.dialect("warning COARSE_VERSION_GUARD rental.propose_film\n", "", "warning COARSE_VERSION_GUARD rental.propose_film\n");
    assert_eq!(offering(desk, &[film, change]), format!("{coarse}ok: true"));
    let features = desk.dialect("\"Trailers,Deleted Scenes\"", r#""[\"Trailers\",\"Deleted Scenes\"]""#, "\"Trailers,Deleted Scenes\"");
    assert_same!(data(desk, "rental.inspect_film", 1).replace(features, "<features>"), @r#"{"description":"An épic drama","length":86,"poster":"iVBORw0KAP8=","rating":"PG","release_year":2006,"rental_rate":"0.99","special_features":<features>,"title":"ACADEMY DINOSAUR"}"#);
    let features = desk.dialect("Commentaries", r#"["Commentaries"]"#, "Commentaries");
    let new =
        json!({"id": 1, "rental_rate": 2.5, "rating": "NC-17", "release_year": 2007, "special_features": features, "poster": "AAEC/w=="});
    assert_eq!(changed(desk, "rental.propose_film", &new), "applied, already_applied");
    let features = desk.dialect("special_features", "special_features[1]", "special_features");
    let poster = desk.dialect("hex(poster)", "upper(encode(poster, 'hex'))", "hex(poster)");
    let row = desk.table(&format!("select rental_rate, rating, release_year, {features}, {poster}, last_update > '2020-01-01' from film"));
    assert_same!(row.replace("2.50", "2.5").replace("| t", "| 1"), @"2.5 | NC-17 | 2007 | Commentaries | 000102FF | 1");
    // A label that the type does not have, where the database has such a type.
    let unknown = desk.call("rental.propose_film", &json!({"id": 1, "rental_rate": 1, "rating": "X"}));
    assert_eq!(unknown["ok"], desk.is_sqlite(), "{unknown:#}");
}

fn customers_of_one_store_are_not_those_of_another(desk: &mut Desk) {
    rental(desk);
    let mut customer =
        capability(desk, "rental.inspect_customer", "customer", "customer_id", &["first_name", "last_name", "email", "active"]);
    customer["target"] = json!({"schema": desk.schema(), "table": "customer", "primary_key": "customer_id", "tenant_key": "store_id"});
    let change = proposing(customer.clone(), &[("active", json!({"type": "boolean"}))], by_the_database("last_update"));
    assert!(offering(desk, &[customer, change]).ends_with("ok: true"));
    assert_same!(data(desk, "rental.inspect_customer", 1), @r#"{"active":true,"email":"mary@example.org","first_name":"MARY","last_name":"SMITH"}"#);
    assert_same!(data(desk, "rental.inspect_customer", 2), @"NOT_FOUND_IN_TENANT: No such row is visible to this tenant; check the id and try again with another one.");
    assert_eq!(changed(desk, "rental.propose_customer", &json!({"id": 1, "active": false})), "applied, already_applied");
    let active = desk.table("select active, email from customer order by customer_id");
    assert_same!(active.replace('f', "0").replace('t', "1"), @r"
    0 | mary@example.org
    1 | NULL
    ");
}

fn a_view_with_a_column_that_nobody_can_name_is_read(desk: &mut Desk) {
    rental(desk);
    let mut list = capability(desk, "rental.inspect_list", "customer_list", "ID", &["ID", "Given"]);
    list["target"] = json!({"schema": desk.schema(), "table": "customer_list", "primary_key": "ID", "tenant_key": "SID"});
    // A session by its name; a person has seen that it is a store.
    list["secret_columns_ack"] = json!(["SID"]);
    let change = proposing(list.clone(), &[("Given", json!({"type": "string"}))], json!({"weak_guard_ack": true}));
    assert_same!(offering(desk, &[list.clone()]), @r"
    warning KEY_NOT_UNIQUE rental.inspect_list
    ok: true
    ");
    assert_same!(data(desk, "rental.inspect_list", 1), @r#"{"Given":"MARY","ID":1}"#);
    let told = offering(desk, &[list.clone(), change]);
    assert!(told.contains("error NOT_A_TABLE rental.propose_list") && told.ends_with("ok: false"), "{told}");
    // SQLite does not say of which type a computed column is.
    list["visible_columns"] = json!(["name"]);
    let told = offering(desk, &[list]);
    assert_eq!(told.contains("error UNSUPPORTED_COLUMN_TYPE rental.inspect_list"), desk.is_sqlite(), "{told}");
    if !desk.is_sqlite() {
        assert_same!(data(desk, "rental.inspect_list", 1), @r#"{"name":"MARY SMITH"}"#);
    }
}

/// A music shop: every name in mixed case, no version anywhere.
fn music(desk: &mut Desk) {
    desk.execute(
        "create table \"InvoiceLine\" (\"InvoiceLineId\" integer not null primary key, \"InvoiceId\" integer not null, \
           \"TrackId\" integer not null, \"UnitPrice\" numeric(10,2) not null, \"Quantity\" integer not null); \
         create table \"PlaylistTrack\" (\"PlaylistId\" integer not null, \"TrackId\" integer not null, \"Position\" integer not null, \
           primary key (\"PlaylistId\", \"TrackId\")); \
         insert into \"InvoiceLine\" values (1, 1, 2, 0.99, 1), (2, 1, 4, 0.99, 1); \
         insert into \"PlaylistTrack\" values (1, 3402, 7), (1, 3389, 8), (8, 3402, 1)",
    );
    desk.set("DESK_TENANT", "1");
}

fn tables_in_mixed_case_without_a_version_are_changed_by_the_hash_of_the_row(desk: &mut Desk) {
    music(desk);
    let line =
        capability(desk, "music.inspect_line", "InvoiceLine", "InvoiceLineId", &["InvoiceLineId", "TrackId", "UnitPrice", "Quantity"]);
    let change = proposing(line.clone(), &[("Quantity", json!({"type": "number", "minimum": 1}))], json!({"weak_guard_ack": true}));
    assert_same!(offering(desk, &[line, change]), @"ok: true");
    assert_same!(data(desk, "music.inspect_line", 1), @r#"{"InvoiceLineId":1,"Quantity":1,"TrackId":2,"UnitPrice":"0.99"}"#);
    assert_eq!(changed(desk, "music.propose_line", &json!({"id": 1, "Quantity": 3})), "applied, already_applied");
    let id = id_of(&desk.call("music.propose_line", &json!({"id": 2, "Quantity": 5})));
    desk.approve(&id);
    desk.execute("update \"InvoiceLine\" set \"UnitPrice\" = 1.99 where \"InvoiceLineId\" = 2");
    assert_eq!(desk.apply(&id), "conflict ROW_CHANGED_AFTER_PROPOSAL");
    assert_eq!(desk.table("select \"Quantity\" from \"InvoiceLine\" order by 1 desc"), "3\n1");
    // A name in another case is another name, also where the database does not care.
    let other = capability(desk, "music.inspect_line", "InvoiceLine", "invoicelineid", &["TrackId"]);
    assert!(offering(desk, &[other]).contains("error UNKNOWN_COLUMN music.inspect_line"));
}

fn one_column_of_a_composite_key_is_a_key_within_the_other_alone(desk: &mut Desk) {
    music(desk);
    let columns = ["TrackId", "Position"];
    let everywhere = capability(desk, "music.inspect_track", "PlaylistTrack", "TrackId", &columns);
    let mut within = capability(desk, "music.inspect_entry", "PlaylistTrack", "TrackId", &columns);
    within["target"] = json!({"schema": desk.schema(), "table": "PlaylistTrack", "primary_key": "TrackId", "tenant_key": "PlaylistId"});
    let patch = [("Position", json!({"type": "number"}))];
    let change = proposing(within.clone(), &patch, json!({"weak_guard_ack": true}));
    assert_same!(offering(desk, &[everywhere.clone(), within, change]), @r"
    warning KEY_NOT_UNIQUE music.inspect_track
    ok: true
    ");
    assert_same!(data(desk, "music.inspect_track", 3402), @"MULTI_ROW_BLOCKED: More than one row has this id, and exactly one is needed; ask a person to look at the data.");
    assert_same!(data(desk, "music.inspect_entry", 3402), @r#"{"Position":7,"TrackId":3402}"#);
    assert_eq!(changed(desk, "music.propose_entry", &json!({"id": 3402, "Position": 9})), "applied, already_applied");
    assert_eq!(
        desk.table("select \"PlaylistId\", \"Position\" from \"PlaylistTrack\" where \"TrackId\" = 3402 order by 1"),
        "1 | 9\n8 | 1"
    );
    let change = proposing(everywhere, &patch, json!({"weak_guard_ack": true}));
    assert_same!(offering(desk, &[change]), @r"
    error KEY_NOT_UNIQUE music.propose_track
    ok: false
    ");
}

/// A trading company: tables called as SQL's own words, and with blanks in their names.
fn trade(desk: &Desk) {
    let yes = desk.dialect("0", "false", "0");
    let bool = desk.dialect("boolean", "boolean", "bit(1)");
    desk.execute(&format!(
        "create table \"order\" (\"key\" integer not null primary key, \"group\" varchar(20) not null, \"desc\" varchar(60), \
           \"select\" integer not null); \
         insert into \"order\" values (10248, 'Vins', null, 1); \
         create table \"Products\" (\"ProductID\" integer not null primary key, \"ProductName\" varchar(40) not null, \
           \"Quantity Per Unit\" varchar(20), \"UnitPrice\" numeric(19,4), \"Discontinued\" {bool} not null, \"Row Version\" integer not null); \
         insert into \"Products\" values (1, 'Chai', '10 boxes x 20 bags', 18, {yes}, 1); \
         create table \"Order Details\" (\"OrderID\" integer not null, \"ProductID\" integer not null, primary key (\"OrderID\", \"ProductID\")); \
         create view order_details as select * from \"Order Details\""
    ));
}

fn words_of_sql_are_names_like_others(desk: &mut Desk) {
    trade(desk);
    let order = capability(desk, "trade.inspect_order", "order", "key", &["key", "group", "desc"]);
    let change = proposing(order.clone(), &[("desc", json!({"type": "string", "max_length": 60}))], json!({"column": "select"}));
    assert_same!(offering(desk, &[order, change]), @"ok: true");
    assert_same!(data(desk, "trade.inspect_order", 10248), @r#"{"desc":null,"group":"Vins","key":10248}"#);
    assert_eq!(changed(desk, "trade.propose_order", &json!({"id": 10248, "desc": "from where group by"})), "applied, already_applied");
    assert_same!(desk.table("select * from \"order\""), @"10248 | Vins | from where group by | 2");
}

fn names_with_blanks_are_refused_by_the_file_and_pass_through_the_row(desk: &mut Desk) {
    trade(desk);
    let product = capability(desk, "trade.inspect_product", "Products", "ProductID", &["ProductName", "UnitPrice", "Discontinued"]);
    let patch = [("UnitPrice", json!({"type": "string"})), ("Discontinued", json!({"type": "boolean"}))];
    let change = proposing(product.clone(), &patch, json!({"weak_guard_ack": true}));
    assert_same!(offering(desk, &[product.clone(), change]), @"ok: true");
    assert_same!(data(desk, "trade.inspect_product", 1).replace("\"18\"", "\"18.0000\""), @r#"{"Discontinued":false,"ProductName":"Chai","UnitPrice":"18.0000"}"#);
    let new = json!({"id": 1, "UnitPrice": "19.25", "Discontinued": true});
    assert_eq!(changed(desk, "trade.propose_product", &new), "applied, already_applied");
    let row = desk.table("select cast(\"UnitPrice\" * 100 as bigint), \"Quantity Per Unit\", \"Row Version\" from \"Products\"");
    assert_same!(row, @"1925 | 10 boxes x 20 bags | 1");
    for (table, column) in [("Order Details", "OrderID"), ("Products", "Quantity Per Unit")] {
        let odd = capability(desk, "trade.inspect_odd", table, "ProductID", &[column]);
        desk.configure(|config| config["capabilities"] = json!([odd]));
        let seen = desk.run("config validate");
        assert!(seen.code == Some(1) && seen.stdout.contains("identifier"), "{table}, {column}: {seen}");
    }
    let details = capability(desk, "trade.inspect_details", "order_details", "OrderID", &["OrderID", "ProductID"]);
    assert_same!(offering(desk, &[details]), @r"
    warning KEY_NOT_UNIQUE trade.inspect_details
    ok: true
    ");
}
