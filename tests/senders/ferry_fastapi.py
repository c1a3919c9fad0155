"""A FastAPI + SQLAlchemy application that knows nothing of Perfloop: crossings of ferries.

Environment: FERRY_DATABASE (SQLAlchemy URL), FERRY_PORT.
"""

import os

import uvicorn
from fastapi import FastAPI, HTTPException
from sqlalchemy import create_engine, text

CROSSINGS = 50

engine = create_engine(os.environ["FERRY_DATABASE"])
with engine.begin() as connection:
    connection.execute(text("DROP TABLE IF EXISTS crossing"))
    connection.execute(text("CREATE TABLE crossing (id integer PRIMARY KEY, harbor text, passengers integer)"))
    for number in range(CROSSINGS):
        connection.execute(
            text("INSERT INTO crossing VALUES (:id, :harbor, :passengers)"),
            {"id": number, "harbor": f"harbor {number % 5}", "passengers": number * 3},
        )

app = FastAPI()


@app.get("/crossings")
def crossings(limit: int = 20):
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT id, harbor FROM crossing ORDER BY id LIMIT :limit"), {"limit": limit})
        return [dict(row._mapping) for row in rows]


@app.get("/crossings/{crossing_id}")
def crossing(crossing_id: int):
    with engine.connect() as connection:
        row = connection.execute(
            text("SELECT id, harbor, passengers FROM crossing WHERE id = :id"), {"id": crossing_id}
        ).first()
    if row is None:
        raise HTTPException(status_code=404)
    return dict(row._mapping)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["FERRY_PORT"]), log_level="warning")
