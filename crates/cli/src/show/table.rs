//! Plain tables: no lines, columns two blanks apart, as wide as their contents, so that `awk` reads them too.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};

/// A table. Columns whose head begins with `>` are aligned to the right.
pub(crate) fn table(head: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(head.iter().map(|name| name.trim_start_matches('>')));
    table.add_rows(rows);
    for (column, name) in table.column_iter_mut().zip(head) {
        column.set_padding((0, 2));
        if name.starts_with('>') {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    finish(&table)
}

/// Names with their values, one a line.
pub(crate) fn fields(rows: Vec<(&str, String)>) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.add_rows(
        rows.into_iter()
            .map(|(name, value)| vec![format!("{name}:"), value]),
    );
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    finish(&table)
}

/// Lines without blanks at their ends.
fn finish(table: &Table) -> String {
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{fields, table};

    #[test]
    fn columns_are_as_wide_as_they_must_be() {
        let rows = vec![
            vec!["a".into(), "1 GiB".into()],
            vec!["long".into(), "10.5 GiB".into()],
        ];
        assert_eq!(
            table(&["ID", ">SIZE"], rows),
            "ID        SIZE\na        1 GiB\nlong  10.5 GiB\n"
        );
        assert_eq!(table(&["ID"], vec![]), "ID\n");
        assert_eq!(
            fields(vec![("Id", "a".into()), ("Size", "1\n2".into())]),
            "Id:    a\nSize:  1\n       2\n"
        );
    }
}
