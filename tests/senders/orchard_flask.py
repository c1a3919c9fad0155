"""A Flask + SQLAlchemy application that knows nothing of Perfloop: trees in rows in an orchard.

Environment: ORCHARD_DATABASE (SQLAlchemy URL), ORCHARD_PORT.
`/rows` loads lazily (one statement a row), `/rows/eager` the same with one statement more in all.
"""

import os

from flask import Flask, abort, jsonify
from sqlalchemy import ForeignKey, create_engine, select, text
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    selectinload,
)

ROWS = 12


class Base(DeclarativeBase):
    pass


class Row(Base):
    __tablename__ = "orchard_row"
    id: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str]
    trees: Mapped[list["Tree"]] = relationship(back_populates="row")


class Tree(Base):
    __tablename__ = "fruit_tree"
    id: Mapped[int] = mapped_column(primary_key=True)
    variety: Mapped[str]
    row_id: Mapped[int] = mapped_column(ForeignKey("orchard_row.id"))
    row: Mapped[Row] = relationship(back_populates="trees")


def open_database(url):
    engine = create_engine(url)
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        for number in range(1, ROWS + 1):
            session.add(
                Row(id=number, label=f"row {number}", trees=[Tree(variety="Boskoop") for _ in range(3)])
            )
        session.commit()
    return engine


engine = open_database(os.environ["ORCHARD_DATABASE"])
app = Flask(__name__)


def as_json(rows):
    return jsonify([{"label": row.label, "trees": [tree.variety for tree in row.trees]} for row in rows])


@app.get("/rows")
def lazy_rows():
    with Session(engine) as session:
        return as_json(session.scalars(select(Row)).all())


@app.get("/rows/eager")
def eager_rows():
    with Session(engine) as session:
        return as_json(session.scalars(select(Row).options(selectinload(Row.trees))).all())


@app.get("/rows/<int:row_id>")
def one_row(row_id):
    with Session(engine) as session:
        row = session.get(Row, row_id)
        if row is None:
            abort(404)
        return jsonify({"label": row.label})


@app.get("/owner")
def by_owner():
    # A literal that must not be stored anywhere.
    with engine.connect() as connection:
        connection.execute(text("SELECT 1 FROM orchard_row WHERE label = 'anna.keller@example.org'"))
    return jsonify({})


@app.get("/broken")
def broken():
    raise RuntimeError("the press is broken, call anna.keller@example.org")


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(os.environ["ORCHARD_PORT"]), threaded=True)
